"""`travelbuddy up` keeps a stack running and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.integration.framework.http_client import http_client
from tests.integration.framework.polling import poll_until
from tests.integration.framework.stack import TRAVELBUDDY, Stack

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="it is about the programs of a stack"),
]

PARTS = {"app", "daprd", "placement", "scheduler"}


def alive(pid: int) -> bool:
    """Return whether a process exists and is not just waiting to be collected."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def answers(url: str) -> bool:
    """Return whether the app at ``url`` says it is ready."""
    async with http_client(timeout=2) as client:
        return (await client.get(f"{url}/ready")).is_success


async def try_up(*options: str) -> tuple[int, str]:
    """Run `travelbuddy up` where it cannot work; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(TRAVELBUDDY, "up", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, printed.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(dapr_runtime: None, kept_in: None) -> AsyncIterator[Stack]:
    """One stack for all of them."""
    async with Stack() as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def own(shared: Stack) -> Stack:
    """That stack, running, whatever the test before did to it."""
    if shared.process.poll() is not None:
        await shared.start()
    return shared


async def test_two_stacks_run_side_by_side(own: Stack) -> None:
    """A second stack starts beside the first, shares no port with it, and both answer."""
    async with Stack() as second:
        ports = [set(stack.entry(name)["ports"].values()) for stack in (own, second) for name in PARTS]
        assert len(set.union(*ports)) == sum(len(one) for one in ports)
        assert await answers(own.app_url)
        assert await answers(second.app_url)


@pytest.mark.parametrize("name", sorted(PARTS))
async def test_a_killed_part_comes_back(own: Stack, name: str) -> None:
    """Whatever is killed runs again within seconds under a new pid and the old ports, and the app is ready again."""
    before = own.processes()
    ports = own.entry(name)["ports"]

    killed_at = time.monotonic()
    new = await own.kill(name)

    assert time.monotonic() - killed_at < 2
    assert alive(new)
    assert not alive(before[name])
    assert own.entry(name)["ports"] == ports
    assert {**before, name: new} == own.processes()
    await poll_until(lambda: answers(own.app_url), 15, "the app is ready again")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_everything(own: Stack, number: signal.Signals) -> None:
    """Told to stop, the stack ends with code 0 within 10 seconds and no process is left."""
    pids = own.processes().values()

    assert await own.stop(number) == 0

    assert not [pid for pid in pids if alive(pid)]
    assert own.processes() == {}


async def test_a_killed_supervisor_takes_everything_along(own: Stack) -> None:
    """`travelbuddy up` killed with SIGKILL leaves no process, and the next one runs on the same data and ports."""
    pids = own.processes().values()
    own.process.kill()
    own.process.wait()
    await poll_until(lambda: not [pid for pid in pids if alive(pid)], 5, "no process is left")

    started_at = time.monotonic()
    await own.start()
    assert time.monotonic() - started_at < 15
    assert await answers(own.app_url)


async def test_a_restart_keeps_the_ports(own: Stack) -> None:
    """Stopped and started again at once, the stack is ready on the ports it had."""
    before = (own.app_url, own.dapr_url, own.dapr_grpc_port)
    await own.restart()
    assert (own.app_url, own.dapr_url, own.dapr_grpc_port) == before
    assert await answers(own.app_url)


async def test_a_busy_port_is_one_clear_line(tmp_path: Path) -> None:
    """A port in use ends the start at once with exit code 2 and one line that names the option to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, printed = await try_up(f"--app-port={port}", f"--data-dir={tmp_path}")

    assert code == 2
    assert len(printed.splitlines()) == 1
    assert f"Port {port} is in use" in printed
    assert "--app-port" in printed


async def test_one_stack_per_data_folder(own: Stack) -> None:
    """A second stack on the same data is refused with exit code 2 and a line that names the first one's process."""
    code, printed = await try_up("--app-port=0", f"--data-dir={own.data_dir}")

    assert code == 2
    assert len(printed.splitlines()) == 1
    assert str(own.process.pid) in printed
    os.kill(own.process.pid, 0)


async def test_replicas_share_one_control_plane() -> None:
    """With two replicas there are two apps and two sidecars on ports of their own, and both apps are ready."""
    async with Stack(options=("--replicas=2",)) as stack:
        pairs = {"app-1", "app-2", "daprd-1", "daprd-2"}
        assert set(stack.processes()) == pairs | {"placement", "scheduler", "proxy", "broker"}
        for name in ("app-1", "app-2"):
            assert await answers(f"http://127.0.0.1:{stack.entry(name)['ports']['http']}")
