"""Waiting for a turn's end: when a follower looks at the store, and when it need not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.property.simulation import QuietLink

from travelbuddy import following
from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.messages import Message
from travelbuddy.domain.progress import Cursor, Event
from travelbuddy.domain.steps import Step
from travelbuddy.draining import Drain
from travelbuddy.errors import NotBegun, NotFound, StoreUnavailable, TravelBuddyError
from travelbuddy.following import Following
from travelbuddy.live import LiveTurns

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORD = TurnRecord(
    workflow_instance_id="t",
    session_id="s",
    user_id="u",
    outcome="answered",
    created_at=NOW,
    completed_at=NOW,
    messages=(
        Message(role="user", content="hello", timestamp=NOW),
        Message(role="assistant", content="hi", timestamp=NOW),
    ),
)


class Store:
    """What a look at the store finds, look after look; the last answer stays."""

    def __init__(self, *finds: TurnRecord | TravelBuddyError) -> None:
        self.finds = list(finds)
        self.looks = 0

    async def look(self, turn_id: str) -> TurnRecord:
        self.looks += 1
        found = self.finds.pop(0) if len(self.finds) > 1 else self.finds[0]
        if isinstance(found, TravelBuddyError):
            raise found
        return found


def _following(store: Any) -> tuple[Following, LiveTurns]:
    live = LiveTurns(QuietLink())
    return Following(live, store), live


async def test_an_end_that_came_before_anybody_followed_needs_no_look() -> None:
    """A turn that ended here a moment ago is known to whoever comes to wait for it."""
    store = Store(NotFound("never asked"))
    waiting, live = _following(store)
    live.queued("t", 1, None)
    live.done(RECORD)
    assert await waiting.ended("t", 5, ask=False) == RECORD
    assert store.looks == 0


async def test_while_there_is_news_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is asked after a silence only, not while the turn is heard of."""
    monkeypatch.setattr(following, "LOOK_AFTER", 0.2)
    store = Store(RECORD)
    waiting, live = _following(store)
    end = asyncio.create_task(waiting.ended("t", 10, ask=False))
    for _ in range(40):
        live.queued("t", 1, None)
        await asyncio.sleep(0.01)
    assert store.looks == 0
    assert await end == RECORD
    assert store.looks == 1


async def test_a_repeated_message_looks_at_once() -> None:
    """A turn that may be long over is looked up before anything is waited for."""
    store = Store(RECORD)
    waiting, _ = _following(store)
    assert await waiting.ended("t", 5, ask=True) == RECORD
    assert store.looks == 1


async def test_an_accepted_turn_that_no_engine_knows_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine of another replica may learn of a turn late; its sender is not told that it does not exist."""
    monkeypatch.setattr(following, "LOOK_AFTER", 0.01)
    store = Store(NotFound("not yet"), NotFound("not yet"), RECORD)
    waiting, _ = _following(store)
    assert await waiting.ended("t", 5, ask=False) == RECORD
    assert store.looks == 3


async def test_a_stream_waits_for_a_turn_that_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then nothing is told of it; its events come when there are any."""
    monkeypatch.setattr(following, "LOOK_AFTER", 0.01)
    waiting, _ = _following(Store(NotBegun("not yet"), NotBegun("not yet"), RECORD))
    async with asyncio.timeout(20):
        assert (await _all(waiting.events("t", Cursor())))[-1].name == "message"


async def test_a_store_that_is_away_is_no_reason_to_send_an_accepted_message_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits goes on waiting while the store is away, and has the record when it is back."""
    monkeypatch.setattr(following, "LOOK_AFTER", 0.01)
    store = Store(StoreUnavailable("away"), StoreUnavailable("away"), RECORD)
    waiting, _ = _following(store)
    assert await waiting.ended("t", 5, ask=True) == RECORD
    assert store.looks == 3


async def test_a_replica_that_leaves_keeps_nobody_waiting() -> None:
    """From the end of its drain on a wait is over without a record, and a stream ends without its message."""
    drain = Drain()
    live = LiveTurns(QuietLink())
    store: Any = Store(NotFound("it runs elsewhere"))
    waiting = Following(live, store, drain.left)
    ended = asyncio.create_task(waiting.ended("t", 60, ask=False))
    events = asyncio.create_task(_all(waiting.events("t", Cursor(), ask=False)))
    await asyncio.sleep(0.05)
    drain.begin(0.1)
    live.queued("t", 1, None)
    async with asyncio.timeout(20):
        assert await ended is None
        assert [event.name for event in await events] == ["status"]
    assert await waiting.ended("t", 60, ask=False) is None


async def _all(events: AsyncIterator[tuple[Event, TurnRecord | None]]) -> list[Event]:
    return [event async for event, _ in events]


async def test_a_turn_that_is_gone_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn whose user was erased meanwhile ends in NotFound."""
    monkeypatch.setattr(following, "LOOK_AFTER", 0.01)
    monkeypatch.setattr(following, "APPEARS_WITHIN", 0.05)
    waiting, _ = _following(Store(NotFound("erased")))
    with pytest.raises(NotFound):
        await waiting.ended("t", 5, ask=False)


async def test_before_the_message_all_steps_are_told() -> None:
    """The last step ends with the turn, so its followers hear of it together with the end."""
    step = Step(name="call_model", started_at=NOW, duration_ms=5, tokens=3)
    waiting, _ = _following(Store(RECORD.model_copy(update={"timeline": (step,)})))
    told = await _all(waiting.events("t", Cursor()))
    assert [event.name for event in told] == ["status", "token", "message"]
    assert told[0].data["timeline"] == [step.model_dump(mode="json")]
