from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from travelbuddy.terminal import view
from travelbuddy.terminal.offers import Offers
from travelbuddy.terminal.prose import prose
from travelbuddy.terminal.screen import THEME, Tail
from travelbuddy.terminal.turn import Call, Said, Turn

ESCAPES = "\x1b[31mRed\x1b[0m \u202eAir"


def segment(start: str, end: str, off: str, on: str, carrier: str = "Paper Plane Airways") -> dict[str, Any]:
    """One flight."""
    flown_by = {"iata_code": "PP", "name": carrier}
    return {
        "origin": start,
        "destination": end,
        "departing_at": off,
        "arriving_at": on,
        "duration": "PT1H",
        "marketing_carrier": flown_by,
        "flight_number": "12",
    }


def offer(*ways: tuple[str, list[dict[str, Any]]], cabin: str = "economy") -> dict[str, Any]:
    """An offer of these ways, each a duration and its flights."""
    slices = [{"duration": duration, "stops": len(flights) - 1, "segments": flights} for duration, flights in ways]
    return {"id": "o", "total_amount": "314.40", "total_currency": "EUR", "cabin": cabin, "slices": slices}


QUERY = {
    "origin": "OSL",
    "destination": "TYO",
    "departure_date": "2026-12-04",
    "passengers": 2,
    "cabin": "economy",
    "max_stops": 1,
}
CHANGING = [
    segment("OSL", "ARN", "2026-12-04T20:25:00+01:00", "2026-12-04T21:25:00+01:00"),
    segment("ARN", "HND", "2026-12-04T23:10:00+01:00", "2026-12-05T18:35:00+09:00"),
]
RESULT = {"query": QUERY, "offers": [offer(("PT14H10M", CHANGING))], "source": "sample", "notes": ["A note."]}


def text_of(*things: RenderableType, width: int = 100) -> str:
    """What is printed, without colours."""
    out = Console(file=io.StringIO(), width=width, theme=THEME, color_system=None, emoji=False, markup=False)
    for thing in things:
        out.print(thing)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_an_offer_says_who_when_how_long_where_and_how_much(width: int) -> None:
    """At each width: carrier, local times with the days between, stops with their wait, duration, price, samples."""
    text = " ".join(text_of(Offers(RESULT), width=width).split())
    for said in ("Paper Plane Airways PP12 PP12", "20:25 OSL – 18:35 HND +1", "14h10", "via ARN 1h45"):
        assert said in text
    assert "314.40 EUR" in text
    assert "OSL → TYO · Fri 4 Dec · 2 travellers · economy · at most 1 stops" in text
    assert "Sample fares" in text
    assert "A note." in text
    assert max(map(len, text_of(Offers(RESULT), width=width).splitlines())) <= width


def test_a_landing_on_the_way_is_not_left_out() -> None:
    """A flight that lands and goes on says so, although nobody changes planes."""
    one = offer(("PT8H", CHANGING[:1]))
    one["slices"][0]["stops"] = 1
    assert "1 stop on the way" in text_of(Offers({**RESULT, "offers": [one]}))


def test_a_way_back_has_its_own_day() -> None:
    """With a return both ways stand under each other, each with its day; the price stands once."""
    back = [segment("HND", "OSL", "2026-12-20T16:20:00+09:00", "2026-12-20T19:10:00+01:00")]
    query = {**QUERY, "return_date": "2026-12-20"}
    found = {"query": query, "offers": [offer(("PT14H10M", CHANGING), ("PT10H50M", back), cabin="business")]}
    text = text_of(Offers(found))
    assert "Fri 4 Dec 20:25 OSL" in text
    assert "Sun 20 Dec 16:20 HND – 19:10 OSL" in text
    assert text.count("314.40") == 1
    assert "business" in text, "a cabin other than the one asked for is told"
    assert "Sample" not in text


def test_nothing_found_and_odd_offers() -> None:
    """An empty result says so, and an offer of another shape breaks nothing."""
    assert "Nothing was found." in text_of(Offers({"query": QUERY, "offers": []}))
    odd = {"query": {}, "offers": [{}, {"slices": [{"segments": []}]}, {"slices": [{"segments": [{}]}]}, "x"]}
    assert text_of(Offers(odd))


def test_names_of_others_cannot_steer() -> None:
    """Escape sequences in carriers, notes, titles, preferences, errors and replies are only text."""
    flight = segment(ESCAPES, ESCAPES, "2026-12-04T20:25:00+01:00", "x", ESCAPES)
    found = {"query": {**QUERY, "origin": ESCAPES}, "offers": [offer((ESCAPES, [flight]))], "notes": [ESCAPES]}
    session = {"session_id": ESCAPES, "title": ESCAPES, "message_count": 1, "last_activity": ESCAPES}
    step = {"name": ESCAPES, "attempt": 1, "error": ESCAPES, "started_at": ESCAPES, "duration_ms": ESCAPES}
    turn = {"messages": [{"role": r, "content": ESCAPES} for r in ("user", "assistant")], "outcome": ESCAPES}
    running = Turn(
        state="running", doing=ESCAPES, timeline=(step,), steps=(Said(1, calls=(Call("c", ESCAPES, [ESCAPES]),)),)
    )
    everything = (
        Offers(found),
        view.sessions([session]),
        view.timeline([step]),
        view.state({"status": ESCAPES, "response": ESCAPES, "timeline": [step]}),
        view.preferences({"preferences": {ESCAPES: ESCAPES}}),
        view.activity(running, 2),
        view.ending(Turn(state="failed", error=ESCAPES, metadata={"model": ESCAPES})),
        view.watched(running),
        *view.conversation([turn]),
        prose(ESCAPES),
    )
    text = text_of(*everything)
    assert "Red" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (Turn(), "sending"),
        (Turn(doing="too many turns"), "waiting: too many turns"),
        (Turn(state="queued", queue_position=2), "queued, 2 messages before it"),
        (Turn(state="running", doing="asking the model", attempt=2), "thinking, try 2"),
        (Turn(state="running", doing="asking the model", text="Hel"), "answering"),
        (Turn(state="paused"), "paused"),
        (Turn(state="reconnecting"), "reconnecting…"),
        (
            Turn(
                state="running",
                doing="using tools",
                steps=(Said(1, calls=(Call("c", "search_flights", '{"destination": "Rome"}'),)),),
            ),
            "search flights: Rome",
        ),
        (
            Turn(
                state="running",
                doing="waiting for the model since 12:03:05 UTC; asks again in 2 s",
                timeline=({"error": "HTTP 429"},),
            ),
            "waiting for the model since 12:03:05 UTC; asks again in 2 s: HTTP 429",
        ),
    ],
)
def test_what_the_agent_is_doing_is_one_line(turn: Turn, said: str) -> None:
    """Each state is told in a few words, and how long it has lasted once that is a second."""
    assert view.activity(turn, 0.4).plain == said
    assert view.activity(turn, 3.2).plain == f"{said}  3 s"


def test_the_timeline_tells_tries_tokens_and_what_held_it_up() -> None:
    """Each step has its try, duration and tokens; a failed try its reason; a late one how long it stood."""
    failed = {"name": "call_model", "attempt": 1, "duration_ms": 12, "error": "HTTP 429"}
    late = {"name": "call_model", "attempt": 2, "duration_ms": 2300, "tokens": 44, "held_up_ms": 4200}
    text = text_of(view.timeline([failed, late]))
    for said in ("12 ms", "HTTP 429", "2.3 s", "44", "held up 4.2 s"):
        assert said in text
    assert str(view.happened(failed)) == "try 1: HTTP 429"
    assert str(view.happened(late)) == "held up for 4.2 s"
    assert str(view.happened({**failed, "name": "search_flights"})) == "search flights, try 1: HTTP 429"
    assert view.happened({"name": "call_model"}) is None


def test_marks_of_models_become_styles() -> None:
    """Bold, code, headings and lists are shown as such; a wrapped item hangs under its mark."""
    assert text_of(prose("**Rome** in `May`")) == "Rome in May\n"
    assert text_of(prose("## Flights")) == "Flights\n"
    assert text_of(prose("10. one two three four"), width=12) == "10. one two \n    three   \n    four    \n"
    assert text_of(prose("- item")) == "• item\n"
    assert text_of(prose("2*3*4 [bold]x[/bold] :smile:")) == "2*3*4 [bold]x[/bold] :smile:\n"


def test_of_a_long_paragraph_the_end_is_seen() -> None:
    """What is longer than the screen shows its last rows while it is being said."""
    assert text_of(Tail(prose("one two three four five six"), 2), width=10) == "three four\nfive six\n"
