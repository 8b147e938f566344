"""A workflow whose records do not fit together any more: nothing of it can run, and its session must go on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import grpc
import grpc.aio
import pytest

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.dapr_turns import TORN_FOR, DaprTurnEngine
from travelbuddy.errors import StoreUnavailable

TORN = "workflow 't': inbox key 'inbox-000000' declared in metadata (inboxLength=1) but missing from state store"


class Engine:
    """Answers each request with an error of this text."""

    def __init__(self, said: str) -> None:
        self.said = said

    async def get_workflow_state(self, turn_id: str) -> Any:
        """Fails."""
        raise self._error()

    async def raise_workflow_event(self, turn_id: str, name: str) -> None:
        """Fails."""
        raise self._error()

    def _error(self) -> grpc.aio.AioRpcError:
        nothing = grpc.aio.Metadata()
        return grpc.aio.AioRpcError(grpc.StatusCode.UNKNOWN, nothing, nothing, details=self.said)


def _engine(said: str) -> tuple[DaprTurnEngine, list[float]]:
    now = [100.0]
    sidecar = SimpleNamespace(connection=SimpleNamespace(workflows=Engine(said)))
    return DaprTurnEngine(cast(Sidecar, sidecar), clock=lambda: now[0]), now


async def test_a_torn_workflow_has_failed_once_it_stays_torn() -> None:
    """At first it is "not available", because a store that comes back may look so; after that it is over."""
    engine, now = _engine(TORN)
    with pytest.raises(StoreUnavailable):
        await engine.status("t")
    now[0] += TORN_FOR - 1
    with pytest.raises(StoreUnavailable):
        await engine.status("t")
    now[0] += 1
    assert (await engine.status("t")).state == "failed"


async def test_an_engine_that_is_away_is_no_torn_workflow() -> None:
    """However long it takes, nobody's turn is given up for an outage."""
    engine, now = _engine("connection refused")
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await engine.status("t")
        now[0] += TORN_FOR


async def test_waking_a_torn_workflow_stops_nobody() -> None:
    """The turn before it is done; what is wrong with the next must not keep it from telling its reply."""
    engine, _ = _engine(TORN)
    await engine.wake("t")
    away, _ = _engine("connection refused")
    with pytest.raises(StoreUnavailable):
        await away.wake("t")
