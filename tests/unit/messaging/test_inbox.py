"""The pub/sub door over the real protocol in memory: what the broker is told, and what becomes of the message."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.property.simulation import POLICY, MemoryEngine, MemoryRecords, MemoryWaits, one_by_one

from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_store import Put
from travelbuddy.api.deps import _metrics, _publisher, _turns
from travelbuddy.domain.conversation import SessionRecord
from travelbuddy.errors import StoreUnavailable
from travelbuddy.lanes import Lanes
from travelbuddy.messaging import inbox
from travelbuddy.telemetry.metrics import Metrics
from travelbuddy.turns import Turns
from travelbuddy.workflow.contracts import TurnInput


class Store(MemoryRecords):
    """A store that can be switched off for writing."""

    def __init__(self) -> None:
        super().__init__(applies_refused=False)
        self.down = False
        self.breakdowns = 0

    async def write(self, put: Put, *others: Put) -> bool:
        if self.down:
            raise StoreUnavailable("the state store is not available")
        if self.breakdowns:
            self.breakdowns -= 1
            raise RuntimeError("nobody foresaw this")
        return await super().write(put, *others)


class Broker:
    """Keeps what is published, and can be down."""

    def __init__(self) -> None:
        self.down = False
        self.letters: list[tuple[str, Mapping[str, Any]]] = []
        self.ids: list[str] = []

    async def publish(self, topic: str, data: Mapping[str, Any], event_id: str) -> None:
        if self.down:
            raise StoreUnavailable("the broker is not available")
        json.dumps(data, ensure_ascii=False).encode()
        self.letters.append((topic, data))
        self.ids.append(event_id)


class Door:
    """The inbox, and the world behind it."""

    def __init__(self) -> None:
        self.store, self.engine, self.broker = Store(), MemoryEngine(), Broker()
        memory = DaprStateStorage(self.store, self._now)
        lanes = Lanes(memory, self.engine, self._now, MemoryWaits(self.engine), POLICY, one_by_one)
        turns = Turns(memory, self.engine, lanes, POLICY, self._now)
        app = FastAPI()
        app.include_router(inbox.router)
        self.metrics = Metrics()
        app.dependency_overrides = {
            _turns: lambda: turns,
            _publisher: lambda: self.broker,
            _metrics: lambda: self.metrics,
        }
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t")

    async def deliver(self, event: Any) -> str:
        """What the broker is told about this event (bytes are sent as they are)."""
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        response = await self.http.post("/messages/travelbuddy", content=raw)
        assert response.status_code == 200
        return str(response.json()["status"])

    @property
    def inputs(self) -> list[TurnInput]:
        """What every started turn was given."""
        return [TurnInput.model_validate(instance.payload) for instance in self.engine.instances.values()]

    def buried(self, kind: str) -> float:
        """How many dead letters of this kind are counted."""
        return self.metrics.registry.get_sample_value("travelbuddy_dead_letters_total", {"reason": kind}) or 0

    def session(self, session_id: str) -> SessionRecord:
        return SessionRecord.model_validate_json(self.store.rows[f"session:{session_id}"][0])

    def _now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """An inbox that nobody has written to."""
    door = Door()
    yield door
    await door.http.aclose()


def _event(text: str = "hello", sender: str = "ada", event_id: str = "e1") -> dict[str, Any]:
    return {"specversion": "1.0", "id": event_id, "data": {"text": text, "sender": sender}}


async def test_a_message_becomes_a_turn_of_the_sender_s_session(door: Door) -> None:
    """The turn stands in ``dm-<sender>``, owned by the sender, and knows whom to answer and about what."""
    assert await door.deliver(_event()) == "SUCCESS"
    (turn,) = door.inputs
    assert (turn.user_id, turn.session_id, turn.message) == ("ada", "dm-ada", "hello")
    assert turn.reply_to is not None
    assert (turn.reply_to.recipient, turn.reply_to.in_reply_to) == ("ada", "e1")
    assert [entry.message for entry in door.session("dm-ada").lane] == ["hello"]


async def test_a_repeated_delivery_is_the_same_turn(door: Door) -> None:
    """However often the broker delivers an event, it is one turn, also out of order with others."""
    for event_id in ("e1", "e2", "e1", "e2", "e1"):
        assert await door.deliver(_event(text=event_id, event_id=event_id)) == "SUCCESS"
    assert [entry.message for entry in door.session("dm-ada").lane] == ["e1", "e2"]
    assert len(door.inputs) == 2


async def test_without_an_id_every_delivery_is_a_message(door: Door) -> None:
    """A publisher that gives no id gets no deduplication, and no message is lost."""
    for _ in range(2):
        assert await door.deliver({"text": "hello", "sender": "ada"}) == "SUCCESS"
    assert len(door.session("dm-ada").lane) == 2


async def test_two_senders_may_use_one_event_id(door: Door) -> None:
    """Ids are the publisher's; another sender's message is not swallowed for one."""
    await door.deliver(_event(sender="ada"))
    await door.deliver(_event(sender="bob"))
    assert {turn.session_id for turn in door.inputs} == {"dm-ada", "dm-bob"}


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"not json",
        b"[" * 100_000,
        b'{"data":' * 100_000,
        b"\xff\xfe",
        b'{"id":"\\ud800","data":{"text":"x","sender":"a"}}',
        {"data": {"text": "x"}},
        {"data": {"text": "x", "sender": "\ud800"}},
        ["a", "list"],
    ],
    ids=lambda poison: repr(poison)[:30],
)
async def test_poison_is_buried_with_a_reason(door: Door, poison: Any) -> None:
    """What no retry can help goes to the dead letters once, and the broker is told to let go of it."""
    assert await door.deliver(poison) == "SUCCESS"
    ((topic, letter),) = door.broker.letters
    assert topic == "TravelBuddy.dead"
    assert letter["reason"]
    assert isinstance(letter["event"], str)
    assert len(letter["event"]) <= 100_000
    assert not door.engine.instances


async def test_an_id_used_for_another_message_is_buried(door: Door) -> None:
    """A permanent refusal of the protocol is poison too; the first message stays."""
    await door.deliver(_event("one"))
    assert await door.deliver(_event("two")) == "SUCCESS"
    assert [entry.message for entry in door.session("dm-ada").lane] == ["one"]
    assert [topic for topic, _ in door.broker.letters] == ["TravelBuddy.dead"]


async def test_a_store_that_is_away_asks_for_another_delivery(door: Door) -> None:
    """RETRY, and when the store is back the next delivery is accepted as if it were the first."""
    door.store.down = True
    assert await door.deliver(_event()) == "RETRY"
    assert not door.broker.letters
    door.store.down = False
    assert await door.deliver(_event()) == "SUCCESS"
    assert len(door.session("dm-ada").lane) == 1


async def test_poison_waits_for_a_broker_that_is_away(door: Door) -> None:
    """What cannot be buried now is delivered again, not lost."""
    door.broker.down = True
    assert await door.deliver(b"poison") == "RETRY"


async def test_a_dead_letter_is_taken(door: Door) -> None:
    """The dead-letter topic's own subscriber takes anything and ends there."""
    response = await door.http.post("/messages/dead", content=b"\xff")
    assert response.json() == {"status": "SUCCESS"}
    assert not door.broker.letters


@pytest.mark.parametrize(
    ("event", "kind", "word"),
    [
        (b"not json", "unreadable", "not JSON"),
        (["a", "list"], "unreadable", "CloudEvent"),
        ({"id": "\ud800", "data": {"text": "x", "sender": "a"}}, "unreadable", "id"),
        ({"id": "e", "data": 5}, "unreadable", "data"),
        ({"data": {"text": "x"}}, "invalid", "sender"),
        ({"data": {"text": "", "sender": "a"}}, "invalid", "text"),
        ({"data": {"text": "x" * 1_000_000, "sender": "a"}}, "invalid", "text"),
    ],
)
async def test_every_kind_of_poison_is_told_and_counted(door: Door, event: Any, kind: str, word: str) -> None:
    """A dead letter says of which kind it is and why, in words that name the field; the metric counts it by kind."""
    assert await door.deliver(event) == "SUCCESS"
    ((_, letter),) = door.broker.letters
    assert letter["kind"] == kind
    assert word in letter["reason"]
    assert door.buried(kind) == 1


async def test_a_refusal_is_told_and_counted(door: Door) -> None:
    """An event id that came with another message before is ``refused``, and the letter says what to do."""
    await door.deliver(_event("one"))
    await door.deliver(_event("two"))
    ((_, letter),) = door.broker.letters
    assert letter["kind"] == "refused"
    assert "fresh key" in letter["reason"]
    assert door.buried("refused") == 1


async def test_a_breakdown_of_the_moment_costs_no_message(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw is tried again; when it was the moment's, the message is accepted."""
    monkeypatch.setattr(inbox, "BROKEN_PAUSES", (0.0, 0.0))
    door.store.breakdowns = 2
    assert await door.deliver(_event()) == "SUCCESS"
    assert not door.broker.letters
    assert len(door.session("dm-ada").lane) == 1


async def test_what_breaks_the_service_every_time_is_buried(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """It neither comes back for ever nor is gone: the letter holds the event, to be sent again when all is mended."""
    monkeypatch.setattr(inbox, "BROKEN_PAUSES", (0.0, 0.0))
    door.store.breakdowns = 3
    assert await door.deliver(_event()) == "SUCCESS"
    ((_, letter),) = door.broker.letters
    assert (letter["kind"], "RuntimeError" in letter["reason"]) == ("broken", True)
    assert json.loads(letter["event"]) == _event()
    assert await door.deliver(json.loads(letter["event"])) == "SUCCESS"
    assert len(door.session("dm-ada").lane) == 1


async def test_the_same_poison_is_the_same_letter(door: Door) -> None:
    """Delivered again, as brokers do, it is published under the same event id."""
    for _ in range(2):
        await door.deliver(b"poison")
    assert len(set(door.broker.ids)) == 1


async def test_a_letter_that_dapr_sends_is_counted_as_undelivered(door: Door) -> None:
    """The original without a reason is what Dapr buries; one of ours is not counted twice."""
    await door.http.post("/messages/dead", json=_event())
    assert door.buried("undelivered") == 1
    await door.deliver(b"poison")
    await door.http.post("/messages/dead", json={"id": "d", "data": door.broker.letters[0][1]})
    assert door.buried("undelivered") == 1
