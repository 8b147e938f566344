"""The connection to the Dapr sidecar: watched, and made anew the moment the sidecar is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import grpc
import grpc.aio
import structlog
from dapr.aio.clients.grpc.client import DaprGrpcClientAsync
from dapr.conf import settings as dapr_settings
from dapr.ext.workflow.aio import DaprWorkflowClient
from dapr.proto.runtime.v1.dapr_pb2_grpc import DaprStub

from travelbuddy.adapters.dapr_tracing import interceptors, with_interceptors
from travelbuddy.errors import StoreNotAsked
from travelbuddy.sidecar_token import Metadata, api_token
from travelbuddy.telemetry.logging import sdk_logging

log = structlog.get_logger(__name__)

_WATCH_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.client_idle_timeout_ms", 2**31 - 1),
]
_HEALTH_POLL = 0.1
_REBUILD_PAUSE = 1.0


@dataclass(frozen=True)
class Connection:
    """The clients of one life of the sidecar. ``api`` is the bare gRPC stub of ``dapr``'s service."""

    dapr: DaprGrpcClientAsync
    workflows: DaprWorkflowClient
    api: DaprStub
    metadata: Metadata


class Sidecar:
    """Holds a gRPC channel open to notice at once when the sidecar goes and when it is back.

    Dapr's own workflow worker backs off for up to 15 seconds after a lost connection, and a gRPC channel backs off
    too; so everything that talks to the sidecar is made anew for each of its lives.
    """

    def __init__(self, host: str, grpc_port: int, http_port: int, token: str | None = None) -> None:
        """``token`` is DAPR_API_TOKEN, which the sidecar then wants with each call."""
        self.host = host
        self.grpc_port = grpc_port
        dapr_settings.DAPR_RUNTIME_HOST = host
        dapr_settings.DAPR_HTTP_PORT = http_port
        dapr_settings.DAPR_GRPC_PORT = grpc_port
        dapr_settings.DAPR_API_TOKEN = token
        dapr_settings.DAPR_HEALTH_TIMEOUT = 1  # its wait blocks the event loop; ours has come before
        self._health_url = f"http://{host}:{http_port}/v1.0/healthz/outbound"
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The current clients; raises StoreNotAsked while the sidecar is away."""
        if self._connection is None:
            raise StoreNotAsked("the Dapr sidecar is not reachable", retry_after=1)
        return self._connection

    @property
    def connected(self) -> bool:
        """True while the sidecar answers."""
        return self._connection is not None

    async def run(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Follow the sidecar until cancelled; ``serve`` is started at each of its lives and cancelled when it ends."""
        target = f"{self.host}:{self.grpc_port}"
        async with grpc.aio.insecure_channel(target, options=_WATCH_OPTIONS) as channel:
            while True:
                await _until_ready(channel)
                await self._until_healthy()
                try:
                    self._connection = self._connect(channel)
                except TimeoutError:  # gone again in between
                    continue
                log.info("sidecar.up", address=target)
                gone = asyncio.ensure_future(channel.wait_for_state_change(grpc.ChannelConnectivity.READY))
                try:
                    await _serve_until(gone, serve)
                    log.warning("sidecar.down", address=target)
                finally:
                    dapr, self._connection = self._connection.dapr, None
                    await _ended(gone)
                    await dapr.close()

    def _connect(self, channel: grpc.aio.Channel) -> Connection:
        return Connection(
            api=DaprStub(channel),
            metadata=api_token(),
            dapr=DaprGrpcClientAsync(f"{self.host}:{self.grpc_port}", interceptors=interceptors()),
            workflows=with_interceptors(
                DaprWorkflowClient(host=self.host, port=str(self.grpc_port), logger_options=sdk_logging())
            ),
        )

    async def _until_healthy(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(self._health_url) as answer:
                        if answer.ok:
                            return
                await asyncio.sleep(_HEALTH_POLL)


async def _serve_until(gone: asyncio.Future[None], serve: Callable[[], Awaitable[None]]) -> None:
    """Serve until the sidecar is ``gone``; what ends or breaks down before is begun again, not missed in silence."""
    while not gone.done():
        serving = asyncio.ensure_future(serve())
        try:
            await asyncio.wait({gone, serving}, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                log.error("sidecar.serving_broke_down", exc_info=serving.exception())
                await asyncio.wait({gone}, timeout=_REBUILD_PAUSE)
        finally:
            await _ended(serving)


async def _ended(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _until_ready(channel: grpc.aio.Channel) -> None:
    while (state := channel.get_state(try_to_connect=True)) != grpc.ChannelConnectivity.READY:
        await channel.wait_for_state_change(state)
