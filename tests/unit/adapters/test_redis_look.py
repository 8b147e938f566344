"""What a Redis says of itself is read right, and one that says nothing costs nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from travelbuddy.adapters.redis_look import RedisError, RedisLook, Reply, judged, read_reply, request

MEMORY = "# Memory\r\nused_memory:{used}\r\nmaxmemory:{limit}\r\nmaxmemory_policy:{policy}\r\n"


def _judged(*, used: int = 1, limit: int = 0, policy: str = "noeviction", aof: str = "1", save: Reply = None) -> str:
    memory = MEMORY.format(used=used, limit=limit, policy=policy)
    return "; ".join(judged(memory, f"aof_enabled:{aof}\r\n", save))


def test_a_server_that_evicts_is_told() -> None:
    """Any policy but noeviction throws our keys away, once there is a limit at all."""
    assert "evicts keys" in _judged(limit=100, policy="allkeys-lru")
    assert "evicts keys" in _judged(limit=100, policy="volatile-ttl")
    assert _judged(limit=100) == _judged(policy="allkeys-lru") == ""


def test_a_server_that_is_nearly_full_is_told() -> None:
    """From nine tenths of its limit on; without a limit it is never full."""
    assert "nearly full at the start: 90 %" in _judged(used=90, limit=100)
    assert _judged(used=89, limit=100) == _judged(used=90) == ""


def test_a_server_that_keeps_nothing_is_told() -> None:
    """Neither a log of writes nor points to save; where it does not say what it saves, nothing is said."""
    assert "keeps nothing on disk" in _judged(aof="0", save=["save", ""])
    assert _judged(aof="1", save=["save", ""]) == _judged(aof="0", save=["save", "3600 1"]) == _judged(aof="0") == ""


def test_replies_that_say_nothing_are_no_warning() -> None:
    """Refused commands, and a server that does not speak of memory."""
    assert judged(None, None, None) == judged("", "", []) == judged("maxmemory:many\r\n", "nonsense", 3) == []


async def _read(data: bytes) -> Reply:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await read_reply(reader)


async def test_replies_are_read() -> None:
    """Each kind of reply, one in another, and the request as Redis wants it."""
    assert await _read(b"+OK\r\n") == "OK"
    assert await _read(b":7\r\n") == 7
    assert await _read(b"$4\r\na\r\nb\r\n") == "a\r\nb"
    assert await _read(b"$-1\r\n") is None
    assert await _read(b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n") == ["save", ""]
    with pytest.raises(RedisError, match="NOAUTH"):
        await _read(b"-NOAUTH Authentication required.\r\n")
    with pytest.raises(ValueError, match="no Redis"):
        await _read(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(EOFError):
        await _read(b"$9\r\nshort\r\n")
    assert request("AUTH", "ü") == b"*2\r\n$4\r\nAUTH\r\n$2\r\n\xc3\xbc\r\n"


@asynccontextmanager
async def _server(answer: bytes | None) -> AsyncIterator[str]:
    """Says this at once, or nothing for ever; the address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.alone
@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 400\r\n\r\n", b"-NOAUTH\r\n" * 3, b"x" * 100_000, b"$99\r\n"])
async def test_whoever_answers_nothing_useful_is_not_spoken_of(answer: bytes | None) -> None:
    """A server that hangs, refuses or is another one neither fails the start nor holds it up."""
    async with _server(answer) as address:
        look = RedisLook({"state store": address})
        began = time.monotonic()
        await look.run()
        assert await look.warnings() == []
        assert time.monotonic() - began < 3


async def test_an_address_that_is_none_is_not_spoken_of() -> None:
    """Nobody listens there, or there is no port in it."""
    look = RedisLook({"state store": "127.0.0.1:1", "broker": "nonsense"})
    await look.run()
    assert await look.warnings() == []


async def test_one_server_for_both_is_looked_at_once() -> None:
    """Its warning names all that it holds."""
    info = b"used_memory:1\r\nmaxmemory:9\r\nmaxmemory_policy:allkeys-lru\r\n"
    async with _server(b"$%d\r\n%b\r\n" % (len(info), info) + b"-ERR unknown command\r\n" * 2) as address:
        look = RedisLook({"state store": address, "broker": address})
        await look.run()
        (warning,) = await look.warnings()
    assert warning.startswith("state store and broker: Redis evicts keys")
    assert address not in warning
