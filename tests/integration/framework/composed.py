"""docker-compose.yml without Docker: its services as processes, each in a network and a root of its own.

Taken from the file as Compose reads it: order and conditions of the start, command lines, environment, users, rights,
networks and names, volumes, read-only roots, health checks, restarts, published ports. Put in by us: the programs in
place of the images (PROGRAMS), whom a new volume belongs to (OWNERS), and what a person would write into `.env` and
into deploy/compose/secrets. Not here: limits of memory and CPU, and the services that only watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.integration.framework.image import ROOT, Image
from tests.integration.framework.jail import Jail, Mount
from tests.integration.framework.network import Network, forward
from tests.integration.framework.polling import poll_until

from travelbuddy.runtime.install import ensure_runtime

Json = dict[str, Any]
FILE = ROOT / "docker-compose.yml"
SECRETS = ROOT / "deploy" / "compose" / "secrets"
POD = "registry.k8s.io/pause"
PROGRAMS = ("travelbuddy", "busybox", "redis", "nginx", "daprio/daprd", "daprio/placement", "daprio/scheduler", POD)
"""Images whose programs this machine has."""
OWNERS = {"redis-data": (999, 1000)}
"""A new volume belongs to whom the folder in the image belongs, else to root."""
START_TIMEOUT = 60.0
STOP_TIMEOUT = 25.0
SHOWN_BYTES = 6000


def compose(*arguments: str, file: Path = FILE) -> subprocess.CompletedProcess[str]:
    """Docker Compose, for what it can do without an engine."""
    import compose as package

    program = Path(str(package.__file__)).with_name("docker-compose")  # its script in bin/ loses the exit code
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    command = [str(program), "-f", str(file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=env)


def services(file: Path = FILE) -> dict[str, Json]:
    """Every service as Compose understands it; files of variables, which are a person's own, are left alone."""
    read = compose("config", "--format=json", "--no-env-resolution", file=file)
    assert read.returncode == 0, read.stderr
    found: dict[str, Json] = json.loads(read.stdout)["services"]
    return found


class Composed:
    """Use ``running``. ``dotenv`` is what a person may have written into ``.env``, and ``secrets`` into files.

    ``app_url`` and ``dapr_url`` are the addresses that the file publishes.
    """

    def __init__(self, folder: Path, image: Image, secrets: Mapping[str, str]) -> None:
        self._services = {n: s for n, s in services().items() if s["image"].rpartition(":")[0] in PROGRAMS}
        self._folder = folder
        self._image = image
        self.dotenv: dict[str, str] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._forwards: list[asyncio.Server] = []
        self._stopping = False
        self.network = Network(sorted({name for s in self._services.values() for name in s.get("networks") or {}}))
        self._homes = {n: self.network.join(n, list(s.get("networks") or {})) for n, s in self._services.items()}
        for name, text in secrets.items():
            (self._place("secrets") / name).write_text(text)

    @property
    def app_url(self) -> str:
        """The service."""
        return f"http://127.0.0.1:{self._ports('nginx')[8080]}"

    @property
    def dapr_url(self) -> str:
        """The calls of Dapr's API that are let through."""
        return f"http://127.0.0.1:{self._ports('nginx')[3500]}"

    def address(self, name: str, network: str) -> str:
        """Of a service in a network."""
        return self._homes[name][1][network]

    def pid(self, name: str) -> int:
        """The process of a service."""
        return self._processes[name].pid

    @property
    def password(self) -> str:
        """Redis's, made at the start."""
        return (self._place("volumes", "redis-password") / "password.conf").read_text().split()[1]

    @property
    def configuration(self) -> Json:
        """The sidecars'."""
        loaded: Json = yaml.safe_load((self._place("volumes", "components") / "configuration.yaml").read_text())
        return loaded

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Composed]:
        """Everything runs. Call it ``network.inside()``; logs are printed when the block fails."""
        failed = True
        try:
            await self._start()
            yield self
            failed = False
        finally:
            await self._close()
            for log in sorted(self._place("logs").iterdir()) if failed else ():
                print(f"----- {log.name} -----\n{log.read_bytes()[-SHOWN_BYTES:].decode(errors='replace')}")
            shutil.rmtree(self._folder, ignore_errors=True)

    async def healthy(self, name: str) -> None:
        """Wait until the health check of a service says so."""
        kind, *test = self._services[name]["healthcheck"]["test"]
        words = ["sh", "-c", test[0].replace("$$", "$")] if kind == "CMD-SHELL" else test

        async def well() -> bool:
            command = self._jail(name, "checks").command(words)
            check = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return await check.wait() == 0

        await poll_until(well, START_TIMEOUT, f"{name} is healthy")

    def kill(self, *names: str) -> None:
        """SIGKILL to services, as one blow; what keeps them running starts them again."""
        for pid in [self.pid(name) for name in names]:
            os.kill(pid, signal.SIGKILL)

    async def _start(self) -> None:
        waiting = dict(self._services)
        while waiting:
            name = next(n for n, s in waiting.items() if not waiting.keys() & s.get("depends_on", {}).keys())
            for other, need in waiting.pop(name).get("depends_on", {}).items():
                await self._as_far_as(other, need["condition"])
            if not self._services[name]["image"].startswith(POD):
                self._keepers[name] = asyncio.create_task(self._keep(name))
            for port, published in self._ports(name).items():
                to = next(iter(self._homes[name][1].values())), port
                self._forwards.append(await forward("127.0.0.1", published, to))
        await self.healthy("nginx")

    async def _as_far_as(self, name: str, condition: str) -> None:
        if condition == "service_completed_successfully":
            await asyncio.wait_for(self._keepers[name], START_TIMEOUT)
            assert self._processes[name].returncode == 0, f"{name} failed"
        elif condition == "service_healthy":
            await self.healthy(name)

    async def _keep(self, name: str) -> None:
        """Run a service, and again after every end where it is said so, with an engine's pauses."""
        service, pause = self._services[name], 0.1
        words = [*(service["entrypoint"] or []), *(service["command"] or [])] or self._image.command
        with (self._place("logs") / name).open("ab") as log:
            while not self._stopping:
                began = time.monotonic()
                self._processes[name] = await asyncio.create_subprocess_exec(
                    *self._jail(name, "stages").command(words), stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
                await self._processes[name].wait()
                if service["restart"] == "no":
                    return
                await asyncio.sleep(pause)
                pause = 0.1 if time.monotonic() - began > 10 else pause * 2

    async def _close(self) -> None:
        """End everything, whoever depends on others first."""
        self._stopping = True
        for server in self._forwards:
            server.close()
        for name in reversed(self._keepers):
            process = self._processes.get(name)
            if process is not None and process.returncode is None:
                process.send_signal(signal.Signals[self._services[name].get("stop_signal", "SIGTERM")])
                try:
                    await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
                except TimeoutError:
                    process.kill()
                    await process.wait()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        self.network.close()

    def _jail(self, name: str, use: str) -> Jail:
        service = self._services[name]
        ours = service["image"].startswith("travelbuddy")
        home = service.get("network_mode", "").removeprefix("service:")
        home = home if home in self._homes else name
        env = {**self._image.env, **self.dotenv} if ours else {}
        files = [self._image.files] if ours else self._programs(service)
        return Jail(
            stage=self._place(use, name),
            mounts=[*files, *self._volumes(service), Mount(self._hosts(home), "/etc/hosts")],
            tmpfs=service.get("tmpfs", []),
            env={**env, **(service.get("environment") or {})},
            user=service["user"],
            cwd=self._image.cwd if ours else "/",
            network=self._homes[home][0],
            read_only=service["read_only"],
            may=[capability.lower() for capability in service.get("cap_add", [])]
            if "ALL" in service["cap_drop"]
            else None,
        )

    def _volumes(self, service: Json) -> list[Mount]:
        found = []
        for volume in service.get("volumes", []):
            source = Path(volume["source"])
            if volume["type"] == "volume" and not (self._folder / "volumes" / source).exists():
                os.chown(self._place("volumes", str(source)), *OWNERS.get(str(source), (0, 0)))
            if volume["type"] == "volume":
                source = self._place("volumes", str(source))
            elif source == SECRETS:
                source = self._place("secrets")
            found.append(Mount(source, volume["target"], volume.get("read_only", False)))
        return found

    def _programs(self, service: Json) -> list[Mount]:
        folder, _, name = service["image"].partition(":")[0].rpartition("/")
        return [Mount(Path(ensure_runtime().program(name)), f"/{name}")] if folder == "daprio" else []

    def _hosts(self, name: str) -> Path:
        """The file with the names that a service knows: of those that share a network with it."""
        lines = ["127.0.0.1 localhost"]
        for other, (_, addresses) in self._homes.items():
            for network in addresses.keys() & self._homes[name][1].keys():
                aliases = (self._services[other]["networks"][network] or {}).get("aliases", [])
                lines.append(f"{addresses[network]} {' '.join([other, *aliases])}")
        file = self._place("hosts") / name
        file.write_text("\n".join(lines) + "\n")
        return file

    def _ports(self, name: str) -> dict[int, int]:
        """The published ports of a service, by its own; all of them on loopback."""
        ports = self._services[name].get("ports", [])
        assert all(port["host_ip"] == "127.0.0.1" for port in ports)
        return {port["target"]: int(port["published"]) for port in ports}

    def _place(self, *parts: str) -> Path:
        path = self._folder.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path
