"""Whatever it is sent, the offline model answers, and soon: no text makes it raise or think for long."""

from __future__ import annotations

import json
import time
from datetime import date
from statistics import median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pace import soon
from tests.sizes import examples
from tests.unit.offline.conftest import ALL_TOOLS, ERRAND_TOOLS

from travelbuddy.offline.dialogue import Reply, respond
from travelbuddy.offline.language import understand
from travelbuddy.offline.offers import describe
from travelbuddy.offline.transcript import Call, Message
from travelbuddy.offline.wire import count_tokens

TOOLS = ALL_TOOLS | ERRAND_TOOLS
TODAY = date(2026, 11, 23)
SECONDS = 0.25  # generous for a busy machine; measured below 50 ms

_SYSTEM = Message("system", "You are TravelBuddy.\nToday is 2026-11-23 (Monday).")
_VOCABULARY = """
    flights fly to from Paris Oslo rome London-Rome OSL in on next Friday monday 12 December a day later for 2 two
    people with my wife and or business first class direct no stops under 500 € $ 1,000 back return one way cheapest
    My name is Ada I live I'm am what where who forget remember book hotel weather the hello thanks bye 2026-99-99
    hold reserve it second one on cancel that watch watching fare tell me when drops below more about stop yes please
    31/02 -> , . ? ! | ( ) ' " % \\ 999999999 in 999 weeks 😀 ١٢ ｆｌｉｇｈｔｓ in a 00 0th
"""
_WORDS = st.sampled_from(_VOCABULARY.split())
_SENTENCES = st.lists(_WORDS, max_size=60).map(" ".join)
_TEXTS = st.one_of(st.text(max_size=10_000), _SENTENCES)
_SLOTS = "query offers error field message suggestions destination origin departure_date return_date passengers"
_KEYS = st.sampled_from([*_SLOTS.split(), "key", "value", "sort", "cabin"]) | st.text(max_size=8)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["ROM", "2026-12-04"])
)
_JSON: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_KEYS, _JSON, max_size=6)
_CALLS = st.builds(
    Call,
    st.sampled_from([*sorted(TOOLS), "other"]),
    _OBJECTS,
    st.sampled_from(["a", "b", ""]),
)
_RESULTS = _OBJECTS.map(json.dumps)
_MESSAGES = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.one_of(_SENTENCES, st.text(max_size=200), _RESULTS),
    st.lists(_CALLS, max_size=3).map(tuple),
    st.sampled_from([None, "a", "b", ""]),
)
_QUIET = settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Loads the airport tables before anything is timed."""
    respond([_SYSTEM, Message("user", "flights to Pariss from London-Rome")], TOOLS)


def seconds(text: str) -> float:
    """The median time of three answers to ``text``: of work, however busy the machine is."""
    taken = []
    for _ in range(3):
        begin = time.thread_time()
        respond([_SYSTEM, Message("user", text)], TOOLS)
        taken.append(time.thread_time() - begin)
    return median(taken)


def sound(reply: Reply) -> bool:
    """True for a text or for calls that can be sent as JSON, never for both or neither."""
    for call in reply.calls:
        json.loads(call.json().encode(), parse_constant=_no_json)
    (reply.text or "").encode()
    return bool(reply.text) != bool(reply.calls)


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


@_QUIET
@given(_TEXTS)
def test_any_text_has_an_answer(text: str) -> None:
    """Any text of up to ten thousand characters is answered, in bounded time."""
    begin = time.thread_time()
    reply = respond([_SYSTEM, Message("user", text)], TOOLS)
    assert time.thread_time() - begin < 4 * SECONDS
    assert sound(reply)


@_QUIET
@given(st.lists(_MESSAGES, max_size=12))
def test_any_messages_have_an_answer(messages: list[Message]) -> None:
    """Any list of messages, however odd their order, calls and results, is answered."""
    assert sound(respond(messages, TOOLS))


@_QUIET
@given(_OBJECTS)
def test_any_search_result_can_be_described(result: dict[str, Any]) -> None:
    """A result that is not a result is said to be unreadable."""
    assert describe(result)


@_QUIET
@given(_SENTENCES, _SENTENCES)
def test_turns_end(first: str, second: str) -> None:
    """With every tool answering at once, a turn needs one round of calls and then speaks.

    Ending a watch needs two where there is one: the list tells its id.
    """
    messages = [_SYSTEM, Message("user", first), Message("assistant", "Fine."), Message("user", second)]
    reply = respond(messages, TOOLS)
    calls = tuple(Call(call.name, call.arguments, str(at)) for at, call in enumerate(reply.calls))
    messages += [Message("assistant", calls=calls), *(Message("tool", "{}", call_id=call.id) for call in calls)]
    assert respond(messages, TOOLS).text


_BOMBS = {
    "letters": "a" * 1_000_000,
    "spaces": " " * 1_000_000,
    "digits": "1" * 1_000_000,
    "thousands": "under 1,000,000," * 60_000,
    "cues": "to " * 300_000,
    "routes": "from Paris to Rome " * 50_000,
    "capitals": "Aa Bb Cc " * 100_000,
    "cities": "San New Saint " * 70_000,
    "pairs": "Oslo-Rome-" * 100_000,
    "unknown": " ".join(f"to Zz{at}qq" for at in range(300)),
    "days": "next monday " * 80_000,
    "names": "my name is A" + " B" * 400_000,
    "homes": "I live in Oslo " * 60_000,
    "questions": "what is my name " * 60_000,
    "returns": "return back to the " * 50_000,
    "arrows": "->" * 500_000,
    "holds": "hold it not " * 100_000,
    "bookings": "yes, please book " * 60_000,
    "alerts": "tell me when " * 80_000,
    "watches": "keep watching the " * 60_000,
    "endings": "cancel the first watch " * 50_000,
    "choices": "ok, " * 250_000,
    "dashes": "-" * 1_000_000,
    "bars": "|" * 1_000_000,
    "emoji": "😀👩‍👩‍👧‍👦" * 100_000,
    "ligatures": "\ufdfa" * 300_000,  # one character that becomes eighteen
    "marks": "a" + "\u0301" * 999_999,
    "surrogates": "\ud800" * 100_000,
    "nulls": "\x00" * 1_000_000,
}


@pytest.mark.parametrize("name", _BOMBS)
def test_bomb_is_answered_soon(name: str) -> None:
    """A megabyte made to keep a rule busy costs no more than a long message."""
    assert seconds(_BOMBS[name]) < SECONDS


def test_request_at_the_head_of_a_megabyte_is_understood() -> None:
    """Only the beginning of an endless message is read, and that is read well."""
    reply = respond([_SYSTEM, Message("user", "Find me flights to Paris. " + "bla " * 250_000)], TOOLS)
    assert [call.arguments for call in reply.calls] == [{"destination": "Paris"}]


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_long_history_costs_a_bounded_time(size: int) -> None:
    """Only the latest part of an endless history is read."""
    history = [Message("user", f"from Zq{at} to Paris on monday " * 100) for at in range(size)]
    messages = [_SYSTEM, *history, Message("user", "flights to Rome")]
    begin = time.thread_time()
    assert respond(messages, TOOLS).calls[0].arguments["destination"] == "Rome"
    assert soon(time.thread_time() - begin, 4 * SECONDS)


def test_long_prompt_costs_a_bounded_time() -> None:
    """A system prompt of a megabyte is no obstacle."""
    prompts = [Message("system", "x y z\n" * 160_000), Message("system", "\n" * 1_000_000)]
    begin = time.thread_time()
    assert respond([*prompts, Message("user", "hello")], TOOLS).text
    assert time.thread_time() - begin < 4 * SECONDS


@given(st.text(max_size=2_000))
def test_tokens_are_never_more_than_characters(text: str) -> None:
    """The estimate is bounded by the text's length."""
    assert 0 <= count_tokens(text) <= len(text)


@_QUIET
@given(_SENTENCES)
def test_understanding_is_a_function_of_the_text(text: str) -> None:
    """The same words mean the same, whatever was read in between."""
    first = understand(text, TODAY, TOOLS)
    understand("hold the first of the flights from Bergen to Tokyo", TODAY, TOOLS)
    assert understand(text, TODAY, TOOLS) == first
