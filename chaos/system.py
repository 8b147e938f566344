"""The system under test: `travelbuddy up` with one replica or two, the latter also over servers of chaos's own."""

from __future__ import annotations

import asyncio
import os
import shutil
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
BACK_WITHIN = 90.0
RESTARTED_WITHIN = 30.0


class System:
    """``async with System(...) as system``: running, every part of it killable by its name in ``PARTS``."""

    def __init__(self, topology: Topology, model_env: dict[str, str], data_dir: Path) -> None:
        self.topology = topology
        self.kills: Counter[str] = Counter()
        self.pauses: Counter[str] = Counter()
        self.scheduler_data_lost = 0
        self.not_restarted: list[str] = []
        self.restarts: list[float] = []
        """Seconds from a kill to the successor's start."""
        self._redis = Redis(data_dir / "redis") if topology in {"redis", "postgres"} else None
        self._postgres = Postgres() if topology == "postgres" else None
        servers = {"redis": self._redis, "postgres": self._postgres}
        self._servers = {name: server for name, server in servers.items() if server is not None}
        self._locks = {name: asyncio.Lock() for name in self._servers}
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

    async def kill(self, part: str, away: float) -> bool:
        """SIGKILL a part as soon as there is a process of it; return when its successor runs. True: it died of it."""
        if part in self._servers:
            async with self._locks[part]:
                if self._servers[part].up:
                    self.kills[part] += 1
                    await self._servers[part].kill(away)
                    return True
            return False
        began, pid = time.monotonic(), await self._signalled(part, signal.SIGKILL)
        if pid is None:
            self.not_restarted.append(part)
            return False
        self.kills[part] += 1
        return await self._restarted(part, pid, began)

    async def lose_scheduler_data(self) -> bool:
        """SIGKILL the scheduler and delete all it has stored before it is back; True: so it was."""
        part, folder = "scheduler", self.stack.data_dir / "scheduler"
        began, supervisor = time.monotonic(), self.stack.process.pid
        while self.stack.processes().get(part) is None and time.monotonic() - began < RESTARTED_WITHIN:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        os.kill(supervisor, signal.SIGSTOP)  # it starts nothing meanwhile
        try:
            await _until_state(supervisor, "T")
            pid = self.stack.processes().get(part)
            if pid is None:
                return False
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            await _until_state(pid, "ZX")
            there = any(folder.iterdir())
            shutil.rmtree(folder)
            gone = not folder.exists()
        finally:
            os.kill(supervisor, signal.SIGCONT)
        self.kills[part] += 1
        self.scheduler_data_lost += there and gone
        return await self._restarted(part, pid, began) and there and gone

    async def pause(self, part: str, seconds: float) -> bool:
        """SIGSTOP a part for this long; True: it stood still."""
        if part in self._servers:
            return await self._pause_server(part, seconds)
        pid = await self._signalled(part, signal.SIGSTOP)
        if pid is None:
            return False
        self.pauses[part] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        return True

    async def _signalled(self, part: str, number: signal.Signals) -> int | None:
        """Send the signal to the part, once it has a process that takes it, and return that; None: there was none."""
        began, expected = time.monotonic(), "T" if number == signal.SIGSTOP else "ZX"
        while time.monotonic() - began < RESTARTED_WITHIN:
            pid = self.stack.processes().get(part)
            if pid is not None and _state(pid) not in "ZX":
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
                    if await _until_state(pid, expected):
                        return pid
            await asyncio.sleep(0.05)
        return None

    async def _restarted(self, part: str, pid: int, began: float) -> bool:
        """Wait until the supervisor has started the part anew."""
        while self.stack.processes().get(part) in {pid, None}:
            if time.monotonic() - began > RESTARTED_WITHIN:
                self.not_restarted.append(part)
                return True
            await asyncio.sleep(0.05)
        self.restarts.append(time.monotonic() - began)
        return True

    async def _pause_server(self, part: str, seconds: float) -> bool:
        server, began = self._servers[part], time.monotonic()
        while not server.up:
            if time.monotonic() - began > RESTARTED_WITHIN:
                return False
            await asyncio.sleep(0.05)
        server.pause()
        self.pauses[part] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            server.resume()
        return True

    async def until_back(self) -> float:
        """Wait until every part answers; return the seconds it took. Raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(BACK_WITHIN), aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while not await self._all_answer(http):  # noqa: ASYNC110  nobody in here could set an event
                await asyncio.sleep(0.1)
        return time.monotonic() - began

    def stored(self) -> tuple[dict[str, StoredSession], dict[str, StoredTurn]]:
        """What is stored, read past the service, whether the stack runs or not."""
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


def _state(pid: int) -> str:
    """The letter by which Linux names a process's state; X for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "X"


async def _until_state(pid: int, states: str) -> bool:
    """Wait until the process is in one of these states; False: it is not after a while."""
    for _ in range(200):
        if _state(pid) in states:
            return True
        await asyncio.sleep(0.01)
    return False
