"""Networks of our own: a namespace for each container, joined by bridges in one that the test itself is in."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


class Network:
    """Bridges of addresses 198.18.N.0/24, which are for tests. No packet leaves the machine: there is no way out."""

    def __init__(self, names: list[str]) -> None:
        self._prefix = f"tb{os.getpid()}"
        _clear_away()
        self._numbers = {name: number for number, name in enumerate(names)}
        self._hosts = 1
        self.home = self._namespace("home")
        for number in self._numbers.values():
            _ip(f"-n {self.home.name} link add br{number} type bridge")
            _ip(f"-n {self.home.name} addr add 198.18.{number}.1/24 dev br{number}")
            _ip(f"-n {self.home.name} link set br{number} up")

    def join(self, host: str, networks: list[str]) -> tuple[Path, Mapping[str, str]]:
        """A namespace for a host; where it is, and the host's address in each network."""
        namespace = self._namespace(host)
        self._hosts += 1
        addresses = {}
        for name in networks:
            number = self._numbers[name]
            addresses[name] = f"198.18.{number}.{self._hosts}"
            here, there = f"v{number}.{self._hosts}", f"eth{number}"
            _ip(f"-n {self.home.name} link add {here} type veth peer name {there} netns {namespace.name}")
            _ip(f"-n {self.home.name} link set {here} master br{number} up")
            _ip(f"-n {namespace.name} addr add {addresses[name]}/24 dev {there}")
            _ip(f"-n {namespace.name} link set {there} up")
        return namespace, addresses

    def gateway(self, network: str) -> str:
        """Our own address in a network."""
        return f"198.18.{self._numbers[network]}.1"

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread opens meanwhile are in these networks, and on a loopback interface of their own."""
        with Path("/proc/thread-self/ns/net").open() as before:
            _enter(self.home)
            try:
                yield
            finally:
                if LIBC.setns(before.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "cannot go back to the network of the machine")

    def close(self) -> None:
        """Nothing is left."""
        for namespace in Path("/run/netns").glob(f"{self._prefix}-*"):
            _ip(f"netns del {namespace.name}")

    def _namespace(self, host: str) -> Path:
        name = f"{self._prefix}-{host}"
        _ip(f"netns add {name}")
        _ip(f"-n {name} link set lo up")
        return Path("/run/netns") / name


async def forward(host: str, port: int, to: tuple[str, int]) -> asyncio.Server:
    """What an engine does for a published port: pass on every byte, both ways."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, ahead = await asyncio.open_connection(*to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, ahead), pump(behind, writer))

    return await asyncio.start_server(connected, host, port)


def _enter(namespace: Path) -> None:
    with namespace.open() as file:
        if LIBC.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")


def _clear_away() -> None:
    """Namespaces of tests that were killed."""
    for namespace in Path("/run/netns").glob("tb*-home"):
        owner = namespace.name.removeprefix("tb").partition("-")[0]
        if not Path(f"/proc/{owner}").exists():
            for old in Path("/run/netns").glob(f"tb{owner}-*"):
                _ip(f"netns del {old.name}")


def _ip(arguments: str) -> None:
    done = subprocess.run(["ip", *arguments.split()], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {arguments}: {done.stderr}"
