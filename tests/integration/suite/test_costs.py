"""What a turn may cost: activities, requests to the store, model calls, bytes. Counts, so any machine will do."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tests.integration.conftest import Scripted
from tests.integration.framework.client import User, engine_history
from tests.integration.framework.scripted_model import Answer, Call, Request, Say

TURNS = 10
HISTORY_BYTES = 12_000
SESSION_BYTES = 6_000


def _activities(history: list[Any]) -> list[str]:
    return [event.taskScheduled.name for event in history if event.HasField("taskScheduled")]


async def _store_requests(user: User) -> Counter[str]:
    """Requests to the state store so far, by kind, as the service counts them."""
    page = (await user.call("GET", "/metrics")).text
    found = re.findall(r'^travelbuddy_state_seconds_count\{operation="(\w+)",outcome="\w+"\} (\S+)', page, re.MULTILINE)
    return Counter({kind: int(float(count)) for kind, count in found})


async def test_a_turn_with_a_local_tool_is_two_activities(scripted: Scripted) -> None:
    """A search is answered in two activities and no timer, and what travels is the turn, not the prompt."""
    user = User(scripted.stack, "ada", "count")
    turn_id = await user.start("count me")
    view = await user.finished(turn_id)
    history = await engine_history(scripted.stack, turn_id)
    assert _activities(history) == ["call_model", "call_model"]
    assert not any(event.HasField("timerCreated") for event in history)
    inputs = "".join(event.taskScheduled.input.value for event in history if event.HasField("taskScheduled"))
    assert "What you remember" not in inputs
    assert [step["name"] for step in view["timeline"]] == ["call_model", "search_flights", "call_model"]


async def test_a_tool_that_changes_something_is_an_activity_of_its_own(scripted: Scripted) -> None:
    """Setting a preference is a durable step, and a search called beside it becomes one too."""

    def script(request: Request) -> Answer:
        if request["messages"][-1]["role"] == "user":
            home = {"key": "home_airport", "value": "Oslo"}
            return Call((("remember_preference", home), ("search_flights", {"destination": "Paris"})))
        return Say("noted")

    scripted.model.script = script
    user = User(scripted.stack, "ada-writes", "count-writes")
    turn_id = await user.start("I live in Oslo")
    await user.finished(turn_id)
    history = await engine_history(scripted.stack, turn_id)
    assert _activities(history) == ["call_model", "call_tool", "call_tool", "call_model"]


async def test_a_turn_costs_two_reads_and_two_writes(scripted: Scripted) -> None:
    """In a known session: one read at the door, one in the first step, the lane, the commit; and two model calls."""
    user = User(scripted.stack, "ada-costs", "costs")
    await user.chat("the first turn makes the session")
    before, asked = await _store_requests(user), len(scripted.model.requests)
    for number in range(TURNS):
        await user.chat(f"message {number}")
    spent = await _store_requests(user) - before
    assert spent["read"] <= 2 * TURNS + 1  # one more where a notice came late
    assert spent["write"] == TURNS
    assert spent["transact"] == TURNS
    assert spent.keys() <= {"read", "write", "transact"}
    assert len(scripted.model.requests) - asked == 2 * TURNS


async def test_a_new_session_costs_three_requests_more(scripted: Scripted) -> None:
    """The first turn of a session is noted in its user's index, and looks whether the session was erased."""
    user = User(scripted.stack, "ada-first", "first")
    before = await _store_requests(user)
    await user.chat("hello")
    spent = await _store_requests(user) - before
    assert spent["read"] <= 4
    assert (spent["write"], spent["transact"]) == (2, 1)


async def test_a_turn_writes_few_bytes(scripted: Scripted) -> None:
    """Workflow history and the session's record grow by a bounded number of bytes a turn, search results included."""
    user = User(scripted.stack, "ada-bytes", "bytes")
    turn_id = str((await user.chat("weigh me"))["metadata"]["workflow_instance_id"])
    await user.finished(turn_id)
    keys = scripted.stack.kept_in.all_keys()
    history = sum(key.size for key in keys if key.of_workflow and turn_id in key.name)
    session = sum(key.size for key in keys if key.name == "session:bytes")
    print(f"history {history} bytes, session record {session} bytes")
    assert 1_000 < history <= HISTORY_BYTES
    assert 1_000 < session <= SESSION_BYTES
