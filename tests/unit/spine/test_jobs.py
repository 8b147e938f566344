"""Open jobs: the index that is never later than the truth, what is started when, and what is replaced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.property.simulation import MemoryRecords
from tests.unit.flights.offers import an_offer
from tests.unit.spine.jobs_in_memory import Engine, jobs_over

from travelbuddy.adapters.dapr_errands import DaprErrandIndexes, DaprErrands
from travelbuddy.adapters.dapr_jobs import DaprJobIndex
from travelbuddy.adapters.ports import EngineState
from travelbuddy.domain.booking import Booking
from travelbuddy.domain.errands import Errand, errand_of, instance_id
from travelbuddy.domain.jobs import SHARDS, UNBORN_FOR, JobEntry, JobShard, shard_of
from travelbuddy.jobs import Jobs
from travelbuddy.suspicions import GRACE
from travelbuddy.workflow.booking_payloads import BOOKING

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = "u0123456789abcdef-booking-0123456789abcdef0123456789abcdef"
MINUTES = st.integers(-100, 100).map(lambda minutes: NOW + timedelta(minutes=minutes))


def _booking(job_id: str = JOB, expires_at: datetime = NOW) -> Booking:
    made = NOW - timedelta(days=1)
    return Booking(
        id=job_id, user_id="ada", session_id="s", created_at=made, offer=an_offer("off"), expires_at=expires_at
    )


class Room:
    """A store and an engine, replicas that look after the jobs, and a clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.store, self.engine = MemoryRecords(applies_refused=False), Engine()
        self.index = DaprJobIndex(self.store, self.clock)
        self.records = DaprErrands(self.store, Booking)
        self.jobs = self.replica()

    def clock(self) -> datetime:
        return self.now

    def replica(self) -> Jobs:
        return jobs_over(self.store, self.engine, self.clock)

    async def open(self, booking: Booking) -> None:
        """A booking of which the index knows, and no replica yet."""
        await self.jobs.note(booking)
        await self.records.create(booking)

    async def seconds(self, seconds: float, step: float = 0.25, look: Callable[[], None] = lambda: None) -> None:
        """Let so many seconds pass, with a replica that looks."""
        for _ in range(int(seconds / step)):
            self.now += timedelta(seconds=step)
            await self.jobs.go_round()
            look()

    async def noted(self) -> dict[str, JobEntry]:
        return {job_id: entry for part in await self.index.shards() for job_id, entry in part.shard.jobs.items()}

    async def run(self, job_id: str = JOB) -> int:
        found = await self.records.find(job_id)
        assert found is not None
        return found[0].run


@given(st.lists(st.tuples(MINUTES, st.booleans()), min_size=1, max_size=8))
def test_a_job_is_noted_at_the_nearest_of_its_times(notes: list[tuple[datetime, bool]]) -> None:
    """However often it is noted, in whichever order, and what was decided once stays decided."""
    shard = JobShard()
    for due, kept in notes:
        shard = shard.noted(JOB, JobEntry(kind="booking", due_at=due, kept=kept))
    entry = shard.jobs[JOB]
    assert (entry.due_at, entry.kept) == (min(due for due, _ in notes), any(kept for _, kept in notes))


@given(MINUTES, MINUTES, st.booleans(), st.sampled_from(["open", "over", "missing"]))
def test_a_correction_never_moves_a_job_behind_its_record(
    noted: datetime, due: datetime, kept: bool, record: str
) -> None:
    """It stays, or lies at the record's time; a job that is over leaves; one without a record stays for an hour."""
    shard = JobShard().noted(JOB, JobEntry(kind="booking", due_at=noted, kept=kept))
    found: Errand | None = _booking(expires_at=due)
    if record == "over":
        found = _booking().model_copy(update={"status": "held", "told": True})
    after = shard.corrected({JOB: None if record == "missing" else found}, NOW).jobs.get(JOB)
    if record == "over":
        assert after is None
    elif record == "missing":
        assert (after is None) == (NOW - noted > UNBORN_FOR)
    else:
        assert after is not None
        assert after.due_at == (noted if kept else max(noted, due))


def test_jobs_are_spread_over_the_index_and_known_by_their_instances() -> None:
    """Every part holds some of many, and an instance's id tells its job whatever its run."""
    parts = {shard_of(f"job-{number}") for number in range(500)}
    assert parts == set(range(SHARDS))
    for run in (0, 1, 12):
        assert errand_of(instance_id(JOB, run)) == JOB
    assert instance_id(JOB, 0) == JOB


async def test_whoever_begins_finds_what_is_open_and_starts_what_is_due() -> None:
    """A replica that knows nothing reads the index; what is due later is started then, and not before."""
    room = Room()
    later = f"{JOB[:-1]}0"
    await room.open(_booking())
    await room.open(_booking(later, NOW + timedelta(seconds=20)))
    room.jobs = room.replica()
    await room.jobs.sweep()
    await room.jobs.go_round()
    assert room.engine.started == [(BOOKING, {"id": JOB, "user_id": "ada"})]
    await room.seconds(19)
    assert later not in room.engine.starts
    await room.seconds(3)
    assert later in room.engine.starts


async def test_a_job_that_comes_to_nothing_is_tried_again_more_and_more_seldom() -> None:
    """An instance that ends without having done it is started anew, every ten seconds at the most often in the end."""
    room = Room()
    await room.open(_booking())
    await room.jobs.sweep()
    moments: list[float] = []

    def ends() -> None:
        if room.engine.states.get(JOB) == "running":
            room.engine.over(JOB)
            moments.append((room.now - NOW).total_seconds())

    await room.seconds(60, look=ends)
    pauses = [b - a for a, b in pairwise(moments)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 2
    assert 9 < pauses[-1] < 11


async def test_an_instance_that_somebody_works_on_is_left_alone() -> None:
    """However long it takes; and one that somebody holds through Dapr as well."""
    for state, worked_on in (("running", True), ("suspended", False)):
        room = Room()
        await room.open(_booking())
        await room.jobs.sweep()
        room.engine.states[JOB] = state  # type: ignore[assignment]
        room.engine.worked_on = {JOB} if worked_on else set()
        await room.seconds(60, 1)
        assert (room.engine.starts, await room.run()) == ([], 0)


@pytest.mark.parametrize(("state", "trouble"), [("unreadable", "unreadable"), ("running", "idle")])
async def test_an_instance_that_does_not_get_on_is_replaced(state: EngineState, trouble: str) -> None:
    """After a while, once: the successor has the job's id with its run, and the old one is told to end."""
    room = Room()
    await room.open(_booking())
    await room.jobs.sweep()
    room.engine.states[JOB] = state
    await room.seconds(GRACE[trouble] - 1)
    assert room.engine.starts == []
    await room.seconds(6)
    assert room.engine.starts == [f"{JOB}-r1"]
    assert await room.run() == 1
    assert room.engine.states[JOB] == ("unreadable" if state == "unreadable" else "terminated")
    marks = await DaprErrandIndexes(room.store).marks("ada")
    assert marks[JOB].instances(JOB) == [JOB, f"{JOB}-r1"], "whoever erases it finds both"


async def test_while_the_engine_is_slow_with_everything_nothing_is_replaced() -> None:
    """An instance that nobody works on is no proof where no other instance runs to its end either."""
    room = Room()
    await room.open(_booking())
    await room.jobs.sweep()
    room.engine.states[JOB], room.engine.moves = "running", False
    await room.seconds(60, 1)
    assert await room.run() == 0
    room.engine.moves = True
    await room.seconds(5, 1)
    assert await room.run() == 1


async def test_two_replicas_start_one_instance() -> None:
    """The second one finds it running; and when it has ended, the record tells both that nothing is due."""
    room = Room()
    await room.open(_booking())
    other = room.replica()
    for jobs in (room.jobs, other):
        await jobs.sweep()
        await jobs.go_round()
    assert room.engine.starts == [JOB]


async def test_an_instance_of_an_erased_job_leaves_nothing() -> None:
    """What was started while its job was being erased is removed from the engine when that is seen."""
    room = Room()
    await room.open(_booking())
    await room.jobs.sweep()
    await room.jobs.go_round()
    room.engine.over(JOB)
    indexes = DaprErrandIndexes(room.store, room.index)
    marks = await indexes.marks("ada")
    await indexes.delete(marks)
    await indexes.unlist("ada", marks)
    await room.seconds(3)
    assert room.engine.states == {}
    assert room.store.rows == {}


async def test_jobs_of_the_version_before_are_taken_in() -> None:
    """Each open one that the engine has an instance of is noted, with a new run; its old instance is told to end."""
    room = Room()
    over, long_over, turn = f"{JOB[:-1]}0", f"{JOB[:-1]}1", "u0123456789abcdef-k12"
    await room.records.create(_booking(expires_at=NOW + timedelta(hours=1)))
    await room.records.create(_booking(over).model_copy(update={"status": "held"}))
    lapsed = _booking(long_over, NOW - timedelta(days=1))
    await room.records.create(lapsed.model_copy(update={"status": "expired"}))
    room.engine.states = {JOB: "running", over: "completed", long_over: "completed", turn: "running"}
    adopted = await room.jobs.take_in()
    assert {(errand.id, errand.run) for errand in adopted} == {(JOB, 0), (over, 0)}, "these instances are to be ended"
    assert [*room.engine.states.values()] == ["running", "completed", "completed", "running"]
    assert {*await room.noted()} == {JOB, over}, "what was just being told when it was taken over is told again"
    assert await room.run() == 1
    room.now += timedelta(hours=1)
    await room.jobs.go_round()
    assert f"{JOB}-r1" in room.engine.starts


async def test_a_job_whose_instance_failed_here_goes_on() -> None:
    """As that of a workflow that another version began: nothing else would say that it is open."""
    room = Room()
    await room.records.create(_booking())
    room.jobs.failed(BOOKING, JOB)
    room.jobs.failed("turn", "u0123456789abcdef-k12")
    await room.jobs.adopt_left()
    assert {*await room.noted()} == {JOB}
    await room.seconds(2)
    assert room.engine.starts == [JOB]
