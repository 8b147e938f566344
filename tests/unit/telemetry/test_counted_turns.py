"""Where turns and tools are counted: at the commit that succeeds, with the door they came through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.tools.conftest import ToolUser

from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_store import Delete, Put
from travelbuddy.domain.conversation import (
    LaneEntry,
    TurnRecord,
    commit_turns,
    enter_lane,
    interrupt_with,
    new_session,
)
from travelbuddy.domain.messages import ToolCall
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.incoming import Incoming
from travelbuddy.tools import default_toolbox
from travelbuddy.tools.base import ToolContext
from travelbuddy.workflow.contracts import CallToolInput, TurnInput
from travelbuddy.workflow.toolcalls import ToolCalls, UserContext

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Transactions:
    """Records that say yes or no to a transaction."""

    def __init__(self, accepts: bool) -> None:
        self.accepts = accepts

    async def transact(self, guard: Put, others: Sequence[Put | Delete]) -> bool:
        return self.accepts


@pytest.mark.parametrize("accepts", [True, False])
async def test_a_turn_is_counted_by_the_commit_that_succeeds(accepts: bool) -> None:
    """A refused commit counts nothing; one that interrupts counts what it has closed, by the door of each."""
    told: list[TurnRecord] = []
    records: Any = Transactions(accepts)
    memory = DaprStateStorage(records, lambda: NOW, told.extend)
    first = LaneEntry(id="a", message="hi", accepted_at=NOW, door="pubsub")
    session = enter_lane(new_session("s", "ada", NOW), first)
    change = interrupt_with(session, LaneEntry(id="b", message="no", accepted_at=NOW, door="chat"), "note", NOW)
    assert await memory.commit(change, "1") is accepts
    assert [(turn.workflow_instance_id, turn.outcome, turn.door) for turn in told] == (
        [("a", "interrupted", "pubsub")] if accepts else []
    )


def test_a_turn_of_earlier_code_has_no_door_and_is_read_all_the_same() -> None:
    """Inputs, lane entries and records written before there were doors are still understood."""
    old = {"id": "a", "message": "hi", "accepted_at": NOW}
    assert LaneEntry.model_validate(old).door is None
    known = {"user_id": "u", "session_id": "s", "message": "hi", "accepted_at": NOW, "model": "m"}
    assert TurnInput.model_validate(known).door is None
    assert Incoming(user_id="u", session_id="s", text="hi").door == "other"
    entry = LaneEntry.model_validate(old)
    assert commit_turns(enter_lane(new_session("s", "u", NOW), entry), _record()).closed[0].door is None


def _record() -> TurnRecord:
    return TurnRecord(
        workflow_instance_id="a",
        session_id="s",
        user_id="u",
        outcome="answered",
        created_at=NOW,
        completed_at=NOW,
        messages=(),
    )


async def _context(turn_id: str, request: CallToolInput, known: UserContext | None) -> ToolContext:
    return ToolUser().context()


async def test_a_tools_name_that_the_model_made_up_is_no_label() -> None:
    """A run is counted under the tool's name where there is such a tool, else under ``other``; errors apart."""
    told: list[tuple[str, bool]] = []
    feed: Any = SimpleNamespace(result=lambda *given: None)
    calls = ToolCalls(
        default_toolbox(SampleFlights()), _context, feed, lambda: NOW, lambda *run: told.append((run[0], run[1]))
    )
    for name, arguments in (
        ("search_flights", '{"destination": "Paris"}'),
        ("search_flights", "{}"),
        ("rm_rf", "{}"),
    ):
        call = ToolCall(id="c", name=name, arguments=arguments)
        await calls.run("t", CallToolInput(user_id="u", session_id="s", call=call))
    assert told == [("search_flights", False), ("search_flights", True), ("other", True)]
