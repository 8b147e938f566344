"""One look at how a Redis is run: whether it evicts keys, is nearly full, or keeps nothing on disk.

The sidecar alone stores things there; this is three commands at the start of each of its lives, over a connection of
their own. A server that does not answer, or does not permit them (as managed ones forbid CONFIG), is not spoken of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

log = structlog.get_logger(__name__)

WITHIN = 1.0
"""Seconds for the whole look."""
NEARLY = 0.9
"""The part of ``maxmemory`` from which on a server is nearly full."""
COMMANDS = (("INFO", "memory"), ("INFO", "persistence"), ("CONFIG", "GET", "save"))

Reply = str | int | None | list["Reply"]


class RedisError(Exception):
    """The server refused a command."""


class RedisLook:
    """Looks at the servers and remembers what it saw. ``servers`` are addresses (host:port) by what they hold."""

    def __init__(self, servers: Mapping[str, str], password: str | None = None) -> None:
        self._roles: dict[str, list[str]] = {}
        for role, address in servers.items():
            if address:
                self._roles.setdefault(address, []).append(role)
        self._password = password
        self._seen: list[str] = []
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Look once. Never fails, and ends within WITHIN."""
        try:
            found = await asyncio.gather(*(self._look(address, roles) for address, roles in self._roles.items()))
            self._seen = [warning for warnings in found for warning in warnings]
        finally:
            self._over.set()

    async def warnings(self) -> Sequence[str]:
        """What was seen; waits for a look that is under way, for as long as one takes."""
        if self._roles and not self._over.is_set():
            try:
                async with asyncio.timeout(WITHIN):
                    await self._over.wait()
            except TimeoutError:
                pass
        return self._seen

    async def _look(self, address: str, roles: Sequence[str]) -> list[str]:
        role = " and ".join(roles)
        try:
            async with asyncio.timeout(WITHIN):
                memory, persistence, save = await _ask(address, self._password)
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError, RedisError) as error:
            log.info("redis.not_looked_at", role=role, reason=type(error).__name__)
            return []
        seen = [f"{role}: {words}" for words in judged(memory, persistence, save)]
        for warning in seen:
            log.warning("redis.warning", role=role, warning=warning)
        return seen


def judged(memory: Reply, persistence: Reply, save: Reply) -> list[str]:
    """What its operator should know, from the replies to COMMANDS; None is one that was refused."""
    info, words = {**_info(memory), **_info(persistence)}, []
    limit, used = _number(info.get("maxmemory")), _number(info.get("used_memory"))
    policy = info.get("maxmemory_policy", "noeviction")
    if limit and policy != "noeviction":
        words.append(
            f"Redis evicts keys when its memory is full (maxmemory-policy {policy}), and conversations and running "
            "turns with them; set noeviction"
        )
    if limit and used >= NEARLY * limit:
        words.append(f"Redis was nearly full at the start: {100 * used // limit} % of maxmemory was used")
    if info.get("aof_enabled") == "0" and save == ["save", ""]:
        words.append(
            "Redis keeps nothing on disk (no appendonly, no save) and loses all when it ends; set appendonly yes"
        )
    return words


async def _ask(address: str, password: str | None) -> list[Reply]:
    """The replies to COMMANDS, sent at once."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    try:
        if password:
            writer.write(request("AUTH", password))
        writer.write(b"".join(request(*command) for command in COMMANDS))
        if password:
            await read_reply(reader)
        return [await _read_or_none(reader) for _ in COMMANDS]
    finally:
        writer.close()


def request(*words: str) -> bytes:
    """A command as Redis takes it."""
    parts = [word.encode() for word in words]
    return b"".join([b"*%d\r\n" % len(parts), *(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)])


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """One reply. Raises RedisError for a refusal, ValueError for what is none, EOFError when it breaks off."""
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2].decode(errors="replace")
    if kind == b"-":
        raise RedisError(rest)
    if kind == b"+":
        return rest
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return (await reader.readexactly(int(rest) + 2))[:-2].decode(errors="replace") if int(rest) >= 0 else None
    if kind == b"*":
        return [await read_reply(reader) for _ in range(int(rest))]
    raise ValueError("no Redis speaks here")


async def _read_or_none(reader: asyncio.StreamReader) -> Reply:
    try:
        return await read_reply(reader)
    except RedisError:
        return None


def _info(reply: Reply) -> dict[str, str]:
    """The fields of an INFO."""
    lines = reply.splitlines() if isinstance(reply, str) else []
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
