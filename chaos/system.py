"""The system under test: `travelbuddy up` with one replica or two, the latter also over servers of chaos's own."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import aiohttp
from tests.integration.framework.stack import Stack

from chaos.evidence import StoredSession, StoredTurn
from chaos.postgres_server import Postgres
from chaos.redis_server import Redis
from chaos.schedule import PARTS, Topology
from chaos.stores import read_postgres, read_redis, read_sqlite

COMPONENTS = Path(__file__).resolve().parents[1] / "deploy" / "components"
SETTINGS = {"MODEL_TIMEOUT": "3", "CHAT_WAIT": "10", "AUDIT_LOG": "off"}
BACK_WITHIN = 60.0
RESTARTED_WITHIN = 30.0


class System:
    """``async with System(...) as system``: running, every part of it killable by its name in ``PARTS``."""

    def __init__(self, topology: Topology, model_env: dict[str, str], data_dir: Path) -> None:
        self.topology = topology
        self.kills: Counter[str] = Counter()
        self.pauses: Counter[str] = Counter()
        self.not_restarted: list[str] = []
        self.restarts: list[float] = []
        """Seconds from a kill to the successor's start."""
        self._redis = Redis(data_dir / "redis") if topology in {"redis", "postgres"} else None
        self._postgres = Postgres() if topology == "postgres" else None
        servers = {"redis": self._redis, "postgres": self._postgres}
        self._servers = {name: server for name, server in servers.items() if server is not None}
        """What no supervisor starts again."""
        env = {**model_env, **SETTINGS}
        options = [] if topology == "embedded" else ["--replicas=2"]
        if self._redis is not None:
            env["REDIS_HOST"] = self._redis.address
            options.append(f"--components={COMPONENTS / topology}")
        if self._postgres is not None:
            env["POSTGRES_CONNECTION"] = self._postgres.url
        self.stack = Stack(env, options=tuple(options), data_dir=data_dir / "stack", keep_data=True)
        self.app_urls: list[str] = []
        self.sidecar_urls: list[str] = []
        self._probes: list[str] = []

    async def __aenter__(self) -> System:
        try:
            for server in self._servers.values():
                await server.start()
            await self.stack.start()
        except BaseException:
            self.stack.print_logs()
            await self._close()
            raise
        apps = [name for name in PARTS[self.topology] if name.startswith("app")]
        sidecars = [name for name in PARTS[self.topology] if name.startswith("daprd")]
        replicas = [_url(self.stack, name, "http") for name in apps]
        self.app_urls = [self.stack.app_url, *replicas] if len(replicas) > 1 else replicas
        self.sidecar_urls = [_url(self.stack, name, "http") for name in sidecars]
        self._probes = [f"{url}/ready" for url in self.app_urls]
        self._probes += [f"{url}/v1.0/healthz" for url in self.sidecar_urls]
        self._probes += [f"{_url(self.stack, name, 'health')}/healthz" for name in ("scheduler", "placement")]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def kill(self, part: str, away: float) -> None:
        """SIGKILL a part, and count it when it is dead; return when its successor runs."""
        began = time.monotonic()
        if part in self._servers:
            if self._servers[part].up:
                self.kills[part] += 1
                await self._servers[part].kill(away)
            return
        pid = self.stack.processes().get(part)
        if pid is None:  # killed a moment ago, and not yet back
            return
        os.kill(pid, signal.SIGKILL)
        self.kills[part] += 1
        while self.stack.processes().get(part) in {pid, None}:
            if time.monotonic() - began > RESTARTED_WITHIN:
                self.not_restarted.append(part)
                return
            await asyncio.sleep(0.05)
        self.restarts.append(time.monotonic() - began)

    async def pause(self, part: str, seconds: float) -> None:
        """SIGSTOP a part for this long."""
        if part in self._servers:
            await self._pause_server(part, seconds)
            return
        pid = self.stack.processes().get(part)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self.pauses[part] += 1
            try:
                await asyncio.sleep(seconds)
            finally:
                os.kill(pid, signal.SIGCONT)

    async def _pause_server(self, part: str, seconds: float) -> None:
        server = self._servers[part]
        if server.up:
            server.pause()
            self.pauses[part] += 1
            try:
                await asyncio.sleep(seconds)
            finally:
                server.resume()

    async def until_back(self) -> float:
        """Wait until every part answers; return the seconds it took. Raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(BACK_WITHIN), aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while not await self._all_answer(http):  # noqa: ASYNC110  nobody in here could set an event
                await asyncio.sleep(0.1)
        return time.monotonic() - began

    def stored(self) -> tuple[dict[str, StoredSession], dict[str, StoredTurn]]:
        """What is stored, read past the service. The stack must have been stopped."""
        if self._postgres is not None:
            return read_postgres(self._postgres.rows())
        if self._redis is not None:
            return read_redis(self._redis.port)
        return read_sqlite(self.stack.data_dir / "state.sqlite")

    async def _all_answer(self, http: aiohttp.ClientSession) -> bool:
        if not set(PARTS[self.topology]) - set(self._servers) <= set(self.stack.processes()):
            return False
        if not all(server.up and server.answers() for server in self._servers.values()):
            return False
        return all(await asyncio.gather(*(_answers(http, url) for url in self._probes)))

    async def _close(self) -> None:
        await self.stack.close()
        for server in self._servers.values():
            server.close()


def _url(stack: Stack, name: str, port: str) -> str:
    return f"http://127.0.0.1:{stack.entry(name)['ports'][port]}"


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status < 300
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
