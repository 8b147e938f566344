"""The workflow engine's port over a sidecar whose answers are scripted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from dapr.ext.workflow import WorkflowStatus

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.dapr_turns import DaprTurnEngine
from travelbuddy.errors import StoreUnavailable


@dataclass
class State:
    """An instance's state as the SDK gives it, with times that know no zone."""

    runtime_status: WorkflowStatus = WorkflowStatus.RUNNING
    serialized_input: str | None = '{"message": "hi"}'
    serialized_custom_status: str | None = "thinking"
    created_at: datetime | None = field(default_factory=lambda: datetime(2026, 1, 1))  # noqa: DTZ001  as the SDK does
    last_updated_at: datetime | None = field(default_factory=lambda: datetime(2026, 1, 2))  # noqa: DTZ001


class Workflows:
    """Answers each call with the next of ``script``: an exception is raised, anything else returned."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.started: list[str] = []

    async def _next(self) -> Any:
        answer = self.script.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def schedule_new_workflow(self, *_: Any, **named: Any) -> Any:
        self.started.append(named["instance_id"])
        return await self._next()

    async def get_workflow_state(self, *_: Any) -> Any:
        return await self._next()

    async def terminate_workflow(self, *_: Any) -> Any:
        return await self._next()


@dataclass
class Link:
    """A sidecar that is up."""

    workflows: Workflows

    @property
    def connection(self) -> Link:
        return self


def _engine(*script: Any) -> DaprTurnEngine:
    return DaprTurnEngine(cast(Sidecar, Link(Workflows(*script))))


def _refusal(code: grpc.StatusCode, details: str = "") -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


DOWN = _refusal(grpc.StatusCode.UNAVAILABLE, "connection refused")


async def test_a_turn_is_started() -> None:
    """A new id is started, and one that is running is told apart without an error."""
    assert await _engine("t").schedule("t", {})
    assert not await _engine(_refusal(grpc.StatusCode.ALREADY_EXISTS)).schedule("t", {})


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (WorkflowStatus.RUNNING, "running"),
        (WorkflowStatus.PENDING, "running"),
        (WorkflowStatus.SUSPENDED, "suspended"),
        (WorkflowStatus.COMPLETED, "completed"),
        (WorkflowStatus.FAILED, "failed"),
        (WorkflowStatus.TERMINATED, "terminated"),
    ],
)
async def test_every_status_of_the_engine_has_a_state(status: WorkflowStatus, state: str) -> None:
    """Dapr's statuses in the port's words."""
    assert (await _engine(State(status)).status("t")).state == state


async def test_a_status_carries_what_people_ask_for() -> None:
    """Progress, the decoded input, and times with their zone."""
    status = await _engine(State()).status("t")
    assert (status.progress, status.input) == ("thinking", {"message": "hi"})
    assert status.created_at is not None
    assert status.updated_at is not None
    assert datetime.fromisoformat(status.created_at) == datetime(2026, 1, 1, tzinfo=UTC)
    assert datetime.fromisoformat(status.updated_at) == datetime(2026, 1, 2, tzinfo=UTC)


async def test_an_unknown_id_is_missing() -> None:
    """The engine's None is a state of its own."""
    assert (await _engine(None).status("t")).state == "missing"


async def test_a_bare_instance_has_a_status() -> None:
    """No input, no progress and no times yet are no trouble."""
    status = await _engine(State(WorkflowStatus.PENDING, None, None, None, None)).status("t")
    assert (status.state, status.progress, status.input, status.created_at) == ("running", "", None, None)


async def test_a_hiccup_of_the_engine_is_read_over() -> None:
    """Two failed readings of a running instance are tried again; a third is told."""
    assert (await _engine(DOWN, DOWN, State()).status("t")).state == "running"
    with pytest.raises(StoreUnavailable, match="connection refused"):
        await _engine(DOWN, DOWN, DOWN).status("t")


async def test_an_instance_that_alone_cannot_be_read_is_unreadable() -> None:
    """Whatever the engine says of it, as long as it answers for one that does not exist; an outage is no such thing."""
    torn = _refusal(grpc.StatusCode.UNKNOWN, "history key 'history-000001' missing from state store")
    odd = _refusal(grpc.StatusCode.INTERNAL, "proto: cannot parse invalid wire-format data")
    assert (await _engine(torn, torn, odd, None).status("t")).state == "unreadable"
    for outage in ([torn, torn, torn, torn], [torn, torn, DOWN], [TimeoutError()] * 3):
        with pytest.raises(StoreUnavailable):
            await _engine(*outage).status("t")


async def test_a_probe_that_was_lost_hides_no_engine_that_works() -> None:
    """Each probe is an instance of its own: one that the engine has lost says for ever that it runs."""
    completed = State(WorkflowStatus.COMPLETED)
    workflows = Workflows("a", State(), State(), None, "b", completed)
    now = iter([0.0, 0.0, 9.0, 9.0, 9.0])
    engine = DaprTurnEngine(cast(Sidecar, Link(workflows)), replica="here", clock=lambda: next(now))
    assert not await engine.probe()
    assert await engine.probe()
    assert len(set(workflows.started)) == 2
    assert all(probe.startswith("probe-here-") for probe in workflows.started)


@pytest.mark.parametrize("trouble", [DOWN, TimeoutError()], ids=["down", "silent"])
async def test_an_engine_that_is_away_is_worth_another_try(trouble: BaseException) -> None:
    """Every call answers StoreUnavailable with a time to come back."""
    for call in (
        _engine(trouble).schedule("t", json.loads("{}")),
        _engine(trouble, trouble, trouble).status("t"),
        _engine(trouble).terminate("t"),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            await call
        assert caught.value.retry_after == 1
