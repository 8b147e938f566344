from __future__ import annotations

from functools import reduce as fold
from typing import Any

import pytest

from travelbuddy.terminal.sse import Event
from travelbuddy.terminal.turn import Turn, reduce


def after(*events: tuple[str, dict[str, Any]]) -> Turn:
    """The turn after these events."""
    numbered = (Event(name, data, f"e{number}") for number, (name, data) in enumerate(events, 1))
    return fold(reduce, numbered, Turn("hello"))


def status(state: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """A status event."""
    return "status", {"state": state, **more}


def token(text: str, step: int = 1) -> tuple[str, dict[str, Any]]:
    """A token event."""
    return "token", {"text": text, "step": step}


FOLLOWING = status("following", workflow_instance_id="t1", session_id="s1")
MESSAGE = ("message", {"response": "Here.", "metadata": {"outcome": "answered", "offers": {"offers": []}}})


def test_a_turn_from_the_door_to_its_reply() -> None:
    """Names, queue, steps, calls with their results, and the reply are taken as they come."""
    turn = after(FOLLOWING, status("queued", queue_position=2))
    assert (turn.id, turn.session_id, turn.state, turn.queue_position) == ("t1", "s1", "queued", 2)
    call = ("tool_call", {"id": "c", "name": "search_flights", "arguments": "{}", "step": 1})
    result = ("tool_result", {"tool_call_id": "c", "name": "search_flights", "result": {"offers": []}, "step": 1})
    turn = after(
        FOLLOWING, status("running", doing="asking the model", step=1, attempt=1), token("I look."), call, result
    )
    assert (turn.state, turn.queue_position, turn.doing, turn.text) == ("running", None, "asking the model", "I look.")
    assert turn.steps[0].calls[0].result == {"offers": []}
    turn = after(FOLLOWING, call, result, token("He", 2), token("re.", 2), MESSAGE)
    assert (turn.state, turn.text, turn.offers, turn.ended) == ("answered", "Here.", {"offers": []}, True)
    assert turn.last_event_id == "e6"


def test_the_reply_is_the_last_steps_text_after_its_last_restart() -> None:
    """What was said before a restart is void, and so are the steps after the one that is said anew."""
    turn = after(FOLLOWING, token("thinking"), token("wrong", 2), status("restarted", step=2))
    assert (turn.text, turn.restarted) == ("", 1)
    turn = after(FOLLOWING, token("one"), token("two", 2), status("restarted", step=1), token("anew"))
    assert (turn.text, [said.n for said in turn.steps]) == ("anew", [1])


def test_a_lost_connection_shows_until_the_stream_is_back() -> None:
    """Lost, back and the first status after it: reconnecting, then running; both are noted."""
    turn = after(FOLLOWING, token("Hel"), ("lost", {"reason": "gone", "at": 1.0}))
    assert (turn.state, turn.text) == ("reconnecting", "Hel")
    turn = after(FOLLOWING, ("lost", {"at": 1.0}), ("back", {"at": 2.0}), FOLLOWING)
    assert (turn.state, turn.connection) == ("running", ((1.0, "lost"), (2.0, "back")))
    assert after(("lost", {"reason": "nobody there"})).state == "sending"


def test_the_timeline_is_the_newest_snapshot() -> None:
    """A status with a timeline replaces it; one without leaves it."""
    turn = after(
        status("running", timeline=[{"name": "call_model"}]),
        status("running", doing="waiting for the model since 12:03:05 UTC; asks again in 2 s"),
    )
    assert turn.timeline == ({"name": "call_model"},)


@pytest.mark.parametrize(("code", "state"), [(503, "reconnecting"), (404, "failed"), (None, "reconnecting")])
def test_trouble_of_the_service_passes_and_a_refusal_does_not(code: int | None, state: str) -> None:
    """An error event is waited out where asking again helps, and ends the turn where it does not."""
    assert after(FOLLOWING, ("error", {"status": code, "detail": "no turn"})).state == state


def test_nothing_changes_a_turn_that_has_ended() -> None:
    """After the message no event counts."""
    turn = after(FOLLOWING, MESSAGE)
    for late in (status("running"), token("more"), ("lost", {})):
        assert reduce(turn, Event(*late)) == turn


def test_what_is_not_known_is_passed_over() -> None:
    """Events and states of a later version change nothing."""
    turn = after(FOLLOWING, status("daydreaming", doing="x"), ("confetti", {"n": 1}))
    assert (turn.state, turn.doing) == ("running", None)
