"""A fork against a plain model: a list of what was said, cut off after the turn that is named."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.simulation import POLICY, MemoryEngine, MemoryRecords, MemoryWaits, one_by_one
from tests.sizes import examples

from travelbuddy.adapters.dapr_forks import DaprForks
from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_store import Delete, Put, Stored
from travelbuddy.domain.conversation import REMEMBERED, WINDOW, LaneEntry, TurnRecord, commit_turns, new_session, window
from travelbuddy.domain.conversation import enter_lane as entered
from travelbuddy.domain.messages import Message
from travelbuddy.errors import NotFound
from travelbuddy.forking import Branch, Forking
from travelbuddy.lanes import Lanes

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Died(BaseException):
    """The process that asked is gone."""


class Mortal(MemoryRecords):
    """A store whose client dies after so many more requests: it is not asked again until it is ``left`` more."""

    left: int | None = None

    async def read(self, *keys: str) -> list[Stored]:
        self._age()
        return await super().read(*keys)

    async def write(self, put: Put, *others: Put) -> bool:
        self._age()
        written = await super().write(put, *others)
        self._age()  # the answer does not arrive
        return written

    async def put(self, put: Put) -> None:
        self._age()
        await super().put(put)

    async def transact(self, guard: Put, others: Sequence[Put | Delete]) -> bool:
        self._age()
        return await super().transact(guard, others)

    def _age(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Died


class World:
    """Sessions in a store, and for each what was said in it."""

    def __init__(self) -> None:
        self.store = Mortal(applies_refused=True)
        self._ticks = 0
        self.memory = DaprStateStorage(self.store, self._clock)
        engine = MemoryEngine()
        lanes = Lanes(self.memory, engine, self._clock, MemoryWaits(engine), POLICY, one_by_one)
        self.forking = Forking(self.memory, DaprForks(self.store), lanes, self._clock)
        self.said: dict[str, list[str]] = {}

    def _clock(self) -> datetime:
        self._ticks += 1
        return _NOW + timedelta(seconds=self._ticks)

    async def talk(self, session_id: str, count: int) -> None:
        """So many turns more, committed as the service commits them."""
        said = self.said.setdefault(session_id, [])
        for _ in range(count):
            snapshot = await self.memory.read(session_id)
            session, etag = snapshot.session, snapshot.etag
            if session is None:
                await self.memory.index_session("u", session_id, "hello")
                assert await self.memory.write(new_session(session_id, "u", self._clock()), None)
                snapshot = await self.memory.read(session_id)
                session, etag = snapshot.session, snapshot.etag
            assert session is not None
            assert etag is not None
            text = f"{session_id} {len(said)}"
            said.append(text)
            entry = LaneEntry(id=text.replace(" ", "-"), message=text, accepted_at=self._clock())
            assert await self.memory.commit(commit_turns(entered(session, entry), _turn(session_id, entry)), etag)

    async def check(self, session_id: str, *, whole: bool = True) -> None:
        """It has exactly what was said in it: in its prompt, its records and its user's totals."""
        session = (await self.memory.read(session_id)).session
        assert session is not None
        said = self.said[session_id]
        assert [m.content for m in window(session) if m.role == "user"] == said[-WINDOW:]
        stored = await self.memory.find_turns(session.turn_ids)
        inline = {turn.workflow_instance_id: turn for turn in session.turns}
        turns = [inline.get(turn_id) or stored.get(turn_id) for turn_id in session.turn_ids]
        assert all(turn is None or turn.session_id == session_id for turn in turns)
        if whole:
            assert [turn.messages[0].content for turn in turns if turn] == said[-REMEMBERED:]
            assert (await self.memory.tallies_of("u"))[session_id].message_count == session.message_count


def _turn(session_id: str, entry: LaneEntry) -> TurnRecord:
    when = entry.accepted_at
    return TurnRecord(
        workflow_instance_id=entry.id,
        session_id=session_id,
        user_id="u",
        outcome="answered",
        created_at=when,
        completed_at=when,
        messages=(
            Message(role="user", content=entry.message, timestamp=when),
            Message(role="assistant", content=f"re: {entry.message}", timestamp=when),
        ),
    )


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_a_fork_is_the_conversation_up_to_a_turn(data: st.DataObject) -> None:
    """At any turn of any session, of a fork too, asked for again or not: what was said until then, and both go on."""

    async def run() -> None:
        world = World()
        await world.talk("s", data.draw(st.sampled_from([0, 1, 2, 9, 10, 11, 37, 99, 100, 101, 130]), "turns"))
        for number in range(data.draw(st.integers(1, 3), "forks")):
            source = data.draw(st.sampled_from(sorted(world.said)), "source")
            kept = world.said[source][-REMEMBERED:]
            turn = data.draw(st.none() | st.integers(-1, len(kept) + 1), "turn")
            branch = Branch(turn=turn, session_id=f"f{number}")
            if not kept or (turn is not None and not 1 <= turn <= len(kept)):
                with pytest.raises(NotFound):
                    await world.forking.fork(source, "u", branch)
                continue
            made = await world.forking.fork(source, "u", branch)
            world.said[made.session_id] = kept[:turn]
            assert made.turns == len(kept[:turn])
            await world.talk(source, data.draw(st.integers(0, 3), "the old one goes on"))
            await world.talk(made.session_id, data.draw(st.integers(0, 12), "the new one goes on"))
            if data.draw(st.booleans(), "again") and len(world.said[source]) < REMEMBERED and turn is not None:
                assert await world.forking.fork(source, "u", branch) == made
        for session_id in filter(world.said.get, world.said):
            await world.check(session_id)

    asyncio.run(run())


@settings(max_examples=examples(60), deadline=None)
@given(turns=st.integers(1, 40), step=st.integers(0, 60), gone_on=st.integers(0, 12))
def test_a_fork_that_dies_in_the_middle_is_made_whole_by_the_same_request(turns: int, step: int, gone_on: int) -> None:
    """Wherever it dies: what is there has the right prompt; asked again with its key it is whole, gone on or not."""

    async def run() -> None:
        world = World()
        await world.talk("s", turns)
        branch = Branch(key="k")
        world.store.left = step
        with contextlib.suppress(Died):
            await world.forking.fork("s", "u", branch)
        world.store.left = None
        begun = [key.removeprefix("session:") for key in world.store.rows if key.startswith("session:fork-")]
        for session_id in begun:
            world.said[session_id] = list(world.said["s"])
            await world.check(session_id, whole=False)
            await world.talk(session_id, gone_on)
        made = await world.forking.fork("s", "u", branch)
        assert begun in ([], [made.session_id])
        world.said.setdefault(made.session_id, list(world.said["s"]))
        for session_id in world.said:
            await world.check(session_id)

    asyncio.run(run())
