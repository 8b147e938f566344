"""The reply that is made from a turn's own searches where the model fails to tell them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tests.unit.tools.conftest import ToolUser

from travelbuddy.domain.found import told_offers
from travelbuddy.domain.messages import Message, ToolCall

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def _messages(*results: str, name: str = "search_flights") -> list[Message]:
    calls = tuple(ToolCall(id=f"c{place}", name=name, arguments="{}") for place in range(len(results)))
    said = [Message(role="tool", content=text, timestamp=NOW, tool_call_id=f"c{i}") for i, text in enumerate(results)]
    return [Message(role="assistant", content="", timestamp=NOW, tool_calls=calls), *said]


async def test_what_was_found_is_told_with_times_and_prices() -> None:
    """Each journey with its day and travellers, its first offers with carrier, local times, stops and price."""
    found = await ToolUser().search(
        destination="New York", origin="London", departure_date="2026-09-01", return_date="2026-09-08", passengers=2
    )
    text = told_offers(_messages(json.dumps(found), '{"error": {"type": "bad_arguments", "message": "no"}}'))
    assert text is not None
    head, *lines = text.splitlines()
    assert head.startswith("Flights from LON to NYC on Tue 1 Sep 2026, back on Tue 8 Sep 2026, 2 passengers: 5 offers")
    assert [line[:3] for line in lines[:3]] == ["1. ", "2. ", "3. "]
    for line, offer in zip(lines[:3], found["offers"], strict=False):
        out = offer["slices"][0]["segments"]
        for part in (
            offer["owner"]["name"],
            f"{offer['total_amount']} {offer['total_currency']}",
            out[0]["departing_at"][11:16],
            out[-1]["arriving_at"][11:16],
        ):
            assert part in line
        assert line.count("stop") == 2
    for note in found["notes"]:
        assert f"Note: {note}" in text
    assert "error" not in text


async def test_the_same_journey_is_told_once() -> None:
    """A model that searched in circles does not make the reply longer; another journey is told beside."""
    user = ToolUser()
    rome, oslo = [json.dumps(await user.search(destination=city, origin="London")) for city in ("Rome", "Oslo")]
    text = told_offers(_messages(rome, oslo, rome, rome)) or ""
    assert [line.split(" on ")[0] for line in text.splitlines() if line.startswith("Flights")] == [
        "Flights from LON to ROM",
        "Flights from LON to OSL",
    ]


async def test_without_an_offer_nothing_is_told() -> None:
    """No search, no offer, a result of another tool, and what is no result of ours: there is nothing to tell."""
    found = await ToolUser().search(destination="Rome", origin="London")
    none = json.dumps({**found, "offers": []})
    assert told_offers([]) is None
    assert told_offers(_messages(none)) is None
    assert told_offers(_messages(json.dumps(found), name="weather_now")) is None
    assert told_offers(_messages('{"offers": [1]}', "[]", "{broken")) is None
    assert "no offers." in (told_offers(_messages(none.replace("economy", "business"), json.dumps(found))) or "")
