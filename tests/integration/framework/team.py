"""An agent of dapr-agents beside a stack: the example, as its users start it, with its own app id and sidecar."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from tests.integration.framework.http_client import http_client
from tests.integration.framework.polling import poll_until
from tests.integration.framework.program import HOST, Program, installed
from tests.integration.framework.stack import Stack

from travelbuddy.runtime.install import ensure_runtime
from travelbuddy.runtime.ports import PortPlan

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "team"
AGENTS = ROOT / ".tools" / "agents"
START_TIMEOUT = 60.0  # dapr-agents takes 8 s to import on a machine at rest


@cache
def agents_bin() -> Path:
    """The programs of an environment with `travelbuddy[agents]`, made from uv.lock by whoever needs it first.

    It is apart from that of the tests, in which dapr-agents must not be. Skips where there is no uv; fails in CI.
    """
    uv = next(iter(sorted((ROOT / ".tools").glob("uv-*/bin/uv"))), None) or installed("uv", "none; run make setup")
    command = [str(uv), "sync", "--quiet", "--frozen", "--no-dev", "--extra=agents", f"--python={sys.executable}"]
    env = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(AGENTS)}  # whole: how packages are reached is in it
    made = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=250)
    if made.returncode != 0:
        reason = f"the environment with dapr-agents could not be made: {made.stderr.strip()[-500:]}"
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") else pytest.skip(reason)
    return AGENTS / "bin"


class Coordinator:
    """``async with Coordinator(stack, model.env) as agent``; its logs are printed only when the block fails."""

    def __init__(self, stack: Stack, env: Mapping[str, str]) -> None:
        self.app_port = self.http_port = self.grpc_port = 0
        self._stack = stack
        self._env = dict(env)
        self._ports = PortPlan()
        self._folder = stack.data_dir / "coordinator"
        self._programs: dict[str, Program] = {}

    async def __aenter__(self) -> Coordinator:
        try:
            self.app_port, self.http_port, self.grpc_port = (self._ports.pick() for _ in range(3))
            self._internal = self._ports.pick()
            self._start("daprd")
            self._start("app")
            await self._programs["app"].answers(self.ready, START_TIMEOUT, "the coordinator is ready")
        except BaseException:
            self._close(failed=True)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(failed=kind is not None)

    async def ready(self) -> bool:
        """Whether the app answers."""
        async with http_client(timeout=2) as http:
            return (await http.get(f"http://{HOST}:{self.app_port}/openapi.json")).is_success

    async def run(self, task: str) -> str:
        """Give it a task; the id of its workflow."""
        async with http_client(timeout=30) as http:
            answer = await http.post(f"http://{HOST}:{self.app_port}/agent/run", json={"task": task})
        assert answer.is_success, answer.text
        return str(answer.json()["instance_id"])

    async def finished(self, instance_id: str, within: float) -> dict[str, Any]:
        """Its workflow as Dapr shows it, once it has ended."""

        async def ended() -> dict[str, Any] | None:
            async with http_client(timeout=5) as http:
                url = f"http://{HOST}:{self.http_port}/v1.0/workflows/dapr/{instance_id}"
                state: dict[str, Any] = (await http.get(url)).json()
            return state if state["runtimeStatus"] in {"COMPLETED", "FAILED", "TERMINATED"} else None

        return await poll_until(ended, within, f"the coordinator's run {instance_id} has ended")

    async def kill(self, name: str) -> None:
        """SIGKILL its app or its sidecar, and start it again."""
        os.kill(self._programs[name].pid, signal.SIGKILL)
        self._programs[name].stop(ask=False)
        self._start(name)

    def _start(self, name: str) -> None:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        self._programs[name] = Program(self._sidecar() if name == "daprd" else self._app(), folder)

    def _app(self) -> list[str]:
        env = {
            **self._env,
            "DAPR_HTTP_PORT": self.http_port,
            "DAPR_GRPC_PORT": self.grpc_port,
            "APP_PORT": self.app_port,
        }
        settings = (f"{name}={value}" for name, value in env.items())
        return ["env", "PYTHONUNBUFFERED=1", *settings, str(agents_bin() / "python"), str(EXAMPLE / "coordinator.py")]

    def _sidecar(self) -> list[str]:
        flags = {
            "app-id": "coordinator",
            "app-port": self.app_port,
            "dapr-http-port": self.http_port,
            "dapr-grpc-port": self.grpc_port,
            "dapr-internal-grpc-port": self._internal,
            "dapr-listen-addresses": HOST,
            "dapr-internal-grpc-listen-address": HOST,
            "placement-host-address": f"{HOST}:{self._stack.entry('placement')['ports']['grpc']}",
            "scheduler-host-address": f"{HOST}:{self._stack.entry('scheduler')['ports']['grpc']}",
            "resources-path": EXAMPLE / "resources",
            "dapr-graceful-shutdown-seconds": 1,
            "enable-metrics": "false",
        }
        daprd = ensure_runtime().program("daprd")
        return [
            "env",
            f"--chdir={self._stack.data_dir}",
            daprd,
            *(f"--{name}={value}" for name, value in flags.items()),
        ]

    def _close(self, *, failed: bool) -> None:
        for name, program in reversed(self._programs.items()):
            program.stop()
            if failed:
                print(f"----- coordinator's {name} -----\n{program.printed()}")
        self._ports.close()
