"""Notices between replicas over Dapr pub/sub: a topic for each replica, and one that all of them hear."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any

import grpc.aio
import structlog
from dapr.aio.clients.grpc.client import DaprGrpcClientAsync
from dapr.clients.exceptions import DaprGrpcError

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.errors import CannotOpen, StoreUnavailable
from travelbuddy.sealing import Sealer

PUBSUB = "replicapubsub"
EVERYBODY = "TravelBuddy.replicas"
TIMEOUT = 5.0
SEALED, PLACE = "sealed", "replicas"
MAX_WAITING = 1_000
"""Notices that wait for a slow broker; then the oldest are lost."""
_RETRY = (1.0, 2.0, 5.0, 15.0, 30.0)

log = structlog.get_logger(__name__)
Handler = Callable[[dict[str, Any]], None]
Merge = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any] | None]


class DaprReplicaLink:
    """The ReplicaLink port. ``merge`` joins two notices that wait one behind the other, where it can."""

    def __init__(self, sidecar: Sidecar, name: str, merge: Merge, sealer: Sealer | None = None) -> None:
        self._sealer = sealer or Sealer()
        self._sidecar = sidecar
        self._name = name
        self._merge = merge
        self._handlers: dict[str, Handler] = {}
        self._waiting: dict[str, deque[dict[str, Any]]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._troubled = False

    @property
    def name(self) -> str:
        """See ReplicaLink."""
        return self._name

    def on(self, kind: str, handler: Handler) -> None:
        """See ReplicaLink."""
        self._handlers[kind] = handler

    def send(self, replica: str, notice: Mapping[str, Any]) -> None:
        """See ReplicaLink."""
        self._post(f"TravelBuddy.replica.{replica}", notice)

    def broadcast(self, notice: Mapping[str, Any]) -> None:
        """See ReplicaLink."""
        self._post(EVERYBODY, notice)

    async def run(self) -> None:
        """Hear the others until cancelled, for one life of the sidecar. Without the component, nothing is heard."""
        tries = 0
        while True:
            try:
                dapr = self._sidecar.connection.dapr
                async with asyncio.TaskGroup() as listening:
                    for topic in (EVERYBODY, f"TravelBuddy.replica.{self._name}"):
                        listening.create_task(self._listen(dapr, topic))
            except* (DaprGrpcError, grpc.aio.AioRpcError, StoreUnavailable, TimeoutError) as group:
                wait = _RETRY[min(tries, len(_RETRY) - 1)]
                log.warning("replicas.not_heard", reason=str(group.exceptions[0])[:200], retry_in=wait)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # a task group can lose the one that comes together with an error
            tries += 1
            await asyncio.sleep(_RETRY[min(tries - 1, len(_RETRY) - 1)])

    async def _listen(self, dapr: DaprGrpcClientAsync, topic: str) -> None:
        subscription = await dapr.subscribe(PUBSUB, topic)
        try:
            async for message in subscription:
                if message is None:
                    continue
                await subscription.respond_success(message)
                self._hear(message.data())
        finally:
            await subscription.close()

    def _hear(self, notice: Any) -> None:
        """Pass a notice on; what is none, or breaks its handler, is reported and forgotten."""
        try:
            notice = self._opened(notice)
            if not isinstance(notice, dict) or notice.get("from") == self._name:
                return
            if (handler := self._handlers.get(str(notice.get("kind")))) is not None:
                handler(notice)
        except CannotOpen as closed:
            log.warning("replicas.cannot_open", reason=str(closed))
        except (KeyError, ValueError, TypeError) as bad:
            log.warning("replicas.bad_notice", reason=type(bad).__name__)

    def _opened(self, notice: Any) -> Any:
        if isinstance(notice, dict) and SEALED in notice:
            return json.loads(self._sealer.open(str(notice[SEALED]), PLACE))
        return notice

    def _wire(self, notice: Mapping[str, Any]) -> str:
        text = json.dumps(notice)
        return json.dumps({SEALED: self._sealer.seal(text, PLACE)}) if self._sealer.seals else text

    def _post(self, topic: str, notice: Mapping[str, Any]) -> None:
        waiting = self._waiting.setdefault(topic, deque(maxlen=MAX_WAITING))
        whole = {**notice, "from": self._name}
        joined = self._merge(waiting[-1], whole) if waiting else None
        if joined is not None:
            waiting[-1] = joined
        else:
            waiting.append(whole)
        sender = self._senders.get(topic)
        if sender is None or sender.done():
            nobodys = Context()  # notices of many turns gather: what is done with them belongs to none
            self._senders[topic] = asyncio.create_task(self._send_all(topic, waiting), context=nobodys)

    async def _send_all(self, topic: str, waiting: deque[dict[str, Any]]) -> None:
        """Send what waits, in order; while one is on its way, pieces of text behind it gather into one."""
        while waiting:
            notice = waiting.popleft()
            try:
                async with asyncio.timeout(TIMEOUT):
                    await self._sidecar.connection.dapr.publish_event(
                        PUBSUB, topic, self._wire(notice), data_content_type="application/json"
                    )
                self._troubled = False
            except (DaprGrpcError, grpc.aio.AioRpcError, StoreUnavailable, TimeoutError) as error:
                if not self._troubled:
                    log.warning("replicas.not_told", reason=str(error)[:200])
                self._troubled = True
                waiting.clear()  # whoever follows finds it in the store
