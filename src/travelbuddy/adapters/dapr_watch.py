"""A sidecar that is up and hands out no workflow any more: noticed, and made to start anew.

While replicas come and go, daprd holds back requests for the actor types that move. When placement dies in the middle
of that, daprd 1.18 forgets which types it holds back: all requests for workflows then wait for ever, although it calls
itself healthy. And when a worker's connection ends while work waits to be handed out, it waits for that work before it
lets the next worker in, who alone could do it. Nothing but a new process helps. docs/decisions/ARC-017 has the details.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle
from typing import Any

import grpc
import grpc.aio
import structlog
from dapr.proto.runtime.v1.dapr_pb2 import ShutdownRequest
from dapr.proto.runtime.v1.metadata_pb2 import GetMetadataRequest

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.errors import StoreUnavailable

log = structlog.get_logger(__name__)

EVERY = 1.0
FIRST, ALL = 1.0, 4.0
"""Seconds that one question may take before all are asked, and all of them before the sidecar is given up. Moving
actors hold requests back for two seconds."""
SHUT_OUT = 4
"""Looks in a row at which the sidecar knows of no worker although ours is connected: then it will never let it in."""
IDS = tuple(f"watch-{number}" for number in range(8))
"""Workflows that do not exist, so many that some of them would be this sidecar's own."""
_FORCE = ("dapr-force-shutdown", "true")
Ask = Callable[[str], Awaitable[object]]


class EngineWatch:
    """Knocks at workflows that do not exist. That is answered at once, unless the sidecar is stuck."""

    def __init__(
        self, sidecar: Sidecar, ask: Ask, control: Callable[[], Awaitable[object]], takes_work: Callable[[], bool]
    ) -> None:
        """``ask`` makes a request to a workflow, ``control`` one to the state store; both may fail.

        A workflow's status would not do: daprd reads it from the store.

        ``takes_work`` says whether this replica hosts workflows at all.
        """
        self._sidecar = sidecar
        self._ask = ask
        self._control = control
        self._takes_work = takes_work
        self._ids = cycle(IDS)

    async def run(self) -> None:
        """Watch until cancelled."""
        looks = 0
        while True:
            await asyncio.sleep(EVERY)
            if not self._takes_work():
                looks = 0
                continue
            looks = looks + 1 if await _within(FIRST, _succeeds(self._check_shut_out())) else 0
            if looks >= SHUT_OUT:
                await self._end("it does not let the worker in")
            elif await self._stuck():
                await self._end("it answers no request for a workflow")

    async def _stuck(self) -> bool:
        """No workflow is answered for, although placement is there and the state store answers."""
        if await _answered(FIRST, self._ask(next(self._ids))):
            return False
        control = asyncio.ensure_future(_succeeds(self._control()))
        if await _answered(ALL, *map(self._ask, IDS)):
            control.cancel()
            return False
        return await _within(FIRST, control) and await _within(FIRST, _succeeds(self._check_placed()))

    async def _check_placed(self) -> None:
        """Raise StoreUnavailable while the sidecar has no placement: then it holds back on purpose."""
        if not (await self._metadata()).actor_runtime.host_ready:
            raise StoreUnavailable("placement is away")

    async def _check_shut_out(self) -> None:
        """Raise StoreUnavailable where the sidecar knows of a worker."""
        if (await self._metadata()).workflows.connected_workers:
            raise StoreUnavailable("the worker is in")

    async def _metadata(self) -> Any:
        link = self._sidecar.connection
        return await link.api.GetMetadata(GetMetadataRequest(), metadata=link.metadata)

    async def _end(self, why: str) -> None:
        """End the sidecar at once; whoever runs it starts it again."""
        log.error("sidecar.stuck", reason=f"{why}; it is made to start anew")
        await _within(FIRST, _succeeds(self._shut_down()))

    async def _shut_down(self) -> None:
        link = self._sidecar.connection
        await link.api.Shutdown(ShutdownRequest(), metadata=(*link.metadata, _FORCE))


async def _answered(seconds: float, *questions: Awaitable[object]) -> bool:
    """True when one of the questions has an answer within so many seconds; an error is an answer."""
    asked = [asyncio.ensure_future(question) for question in questions]
    try:
        done, _ = await asyncio.wait(asked, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


async def _succeeds(request: Awaitable[object]) -> bool:
    try:
        await request
    except (grpc.aio.AioRpcError, StoreUnavailable):
        return False
    return True


async def _within(seconds: float, verdict: Awaitable[bool]) -> bool:
    """The verdict, False when it takes longer. Not by ``wait_for``, which may lose a cancellation in Python 3.11."""
    try:
        async with asyncio.timeout(seconds):
            return await verdict
    except TimeoutError:
        return False
