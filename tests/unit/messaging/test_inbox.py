"""The pub/sub door over the real protocol in memory: what the broker is told, and what becomes of the message."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.property.simulation import MemoryEngine, MemoryRecords

from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_store import Put
from travelbuddy.api.deps import _publisher, _turns
from travelbuddy.domain.conversation import SessionRecord
from travelbuddy.domain.turn import Limits
from travelbuddy.errors import StoreUnavailable
from travelbuddy.lanes import Lanes
from travelbuddy.messaging import inbox
from travelbuddy.turns import TurnPolicy, Turns
from travelbuddy.workflow.contracts import TurnInput


class Store(MemoryRecords):
    """A store that can be switched off for writing."""

    def __init__(self) -> None:
        super().__init__(applies_refused=False)
        self.down = False

    async def write(self, put: Put) -> bool:
        if self.down:
            raise StoreUnavailable("the state store is not available")
        return await super().write(put)


class Broker:
    """Keeps what is published, and can be down."""

    def __init__(self) -> None:
        self.down = False
        self.letters: list[tuple[str, Mapping[str, Any]]] = []

    async def publish(self, topic: str, data: Mapping[str, Any], event_id: str) -> None:
        if self.down:
            raise StoreUnavailable("the broker is not available")
        json.dumps(data, ensure_ascii=False).encode()
        self.letters.append((topic, data))


class Door:
    """The inbox, and the world behind it."""

    def __init__(self) -> None:
        self.store, self.engine, self.broker = Store(), MemoryEngine(), Broker()
        memory = DaprStateStorage(self.store, self._now)
        lanes = Lanes(memory, self.engine, self._now)
        turns = Turns(memory, self.engine, lanes, TurnPolicy("m", (), Limits()), self._now)
        app = FastAPI()
        app.include_router(inbox.router)
        app.dependency_overrides = {_turns: lambda: turns, _publisher: lambda: self.broker}
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
