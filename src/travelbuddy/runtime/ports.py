"""Ports for a stack, all below the range from which the system picks ports for outgoing connections.

A port in that range can be taken by any program's outgoing connection while the child that owns it restarts.
Picking and binding are two moments, so a picked port is also reserved among our own stacks by a file lock,
which the system drops when the process ends, however it ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

from travelbuddy.errors import RuntimeProblem

LOWEST, HIGHEST = 20_000, 32_767


class PortBusy(RuntimeProblem):
    """A port that was asked for by number is in use."""


def is_free(port: int) -> bool:
    """Return whether a server could listen on ``port`` of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: without it a port whose last connections just closed would look busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


class PortPlan:
    """The ports of one stack, reserved until this object is closed or its process ends."""

    def __init__(self, folder: Path | None = None) -> None:
        # One folder per user: the lock files of others could not be opened.
        self._folder = folder or Path(tempfile.gettempdir()) / f"travelbuddy-ports-{os.getuid()}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held: list[IO[str]] = []

    def take(self, wanted: int, option: str) -> int:
        """Reserve ``wanted``, or any free port when it is 0; ``option`` is named when it is busy."""
        if wanted == 0:
            return self.pick()
        if not self._reserve(wanted):
            raise PortBusy(
                f"Port {wanted} is in use. Stop the program that listens there, "
                f"or choose another port with {option} (0 picks a free one)."
            )
        return wanted

    def take_or_pick(self, preferred: int) -> int:
        """Reserve ``preferred`` when it is free and any free port otherwise."""
        return preferred if self._reserve(preferred) else self.pick()

    def pick(self) -> int:
        """Reserve a free port."""
        for port in random.sample(range(LOWEST, HIGHEST + 1), k=500):
            if self._reserve(port):
                return port
        raise RuntimeProblem(f"No free port was found between {LOWEST} and {HIGHEST}.")

    def close(self) -> None:
        """Give every port back."""
        for lock in self._held:
            lock.close()
        self._held.clear()

    def _reserve(self, port: int) -> bool:
        lock = (self._folder / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        if not is_free(port):
            lock.close()
            return False
        self._held.append(lock)
        return True
