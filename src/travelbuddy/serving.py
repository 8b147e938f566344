"""The server of the app: one that, told to stop, first finishes what it has begun."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from typing import NoReturn

import structlog
import uvicorn
from fastapi import FastAPI

from travelbuddy.bootstrap import Services
from travelbuddy.settings import Settings

log = structlog.get_logger(__name__)

LINGER = 1.0
"""Seconds in which the port stays open after the replica has said that it is not ready: time for load balancers to see
it, and for clients to hear that they should close their connections. Shorter when the drain is."""
LAST_WORDS = 2.0
"""Seconds for writing answers once nobody waits any more."""
_TICK = 0.05


class DrainingServer(uvicorn.Server):
    """Uvicorn's server, with a way out that no client notices.

    Told to stop, it is not ready, and goes on as ever for a moment; then it is deaf to new connections and finishes the
    requests it has, for at most DRAIN_SECONDS: whoever still waits is told then where to go on. What was begun for
    turns that nobody waits for here is finished in that time too, or handed over to another replica.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.app_host,
                port=settings.app_port,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=round(LAST_WORDS),
            )
        )
        self._app = app
        self._settings = settings

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then end as ever."""
        services: Services = self._app.state.services
        drain, began = services.drain, time.monotonic()
        drain.begin(self._settings.drain_seconds)
        log.info("drain.begun", connections=len(self.server_state.connections), seconds=self._settings.drain_seconds)
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await self._until(lambda: False, min(LINGER, drain.left()))
        if not self._settings.offline:  # the offline model is asked through this port, up to the last turn
            for server in self.servers:
                server.close()
        await self._until(self._all_gone, drain.left())
        await self._until(lambda: not services.worker.busy, drain.left())
        await self._until(self._all_gone, LAST_WORDS)
        await drain.hand_over()
        log.info("drain.ended", connections=len(self.server_state.connections), seconds=time.monotonic() - began)
        for task in list(self.server_state.tasks):  # their clients hung up, or read no answers
            task.cancel()
        await super().shutdown(sockets)

    def _all_gone(self) -> bool:
        """No client is left. Those without a request are disconnected, the others after their answer."""
        for connection in list(self.server_state.connections):
            connection.shutdown()
        return not self.server_state.connections

    async def _until(self, true: Callable[[], bool], seconds: float) -> None:
        """Wait until something is true, at most so long; not at all when somebody insists by a second Ctrl-C."""
        deadline = time.monotonic() + seconds
        while not (self.force_exit or true()) and time.monotonic() < deadline:  # noqa: ASYNC110  of uvicorn's state
            await asyncio.sleep(_TICK)


def run(app: FastAPI, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; the process then ends with exit code 0."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # uvicorn raises the signal again when all is done
    DrainingServer(app, settings).run()


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)
