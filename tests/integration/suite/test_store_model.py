"""The guarded records against a plain model on each store: what is promised, and where Redis differs from the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from pydantic import BaseModel, JsonValue
from tests.integration.framework.bare_sidecar import BareSidecar
from tests.integration.framework.polling import poll_until
from tests.integration.framework.stores import STORES, InPostgres, InRedis, Place, place
from tests.property.simulation import POLICY, MemoryEngine, one_by_one
from tests.sizes import examples

from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_store import Delete, Put, Stored
from travelbuddy.adapters.ports import EngineStatus, Snapshot
from travelbuddy.domain.conversation import LaneEntry, TurnRecord, commit_turns, enter_lane, new_session
from travelbuddy.domain.messages import Message
from travelbuddy.domain.standing import Admitted, Done
from travelbuddy.errors import StoreUnavailable
from travelbuddy.lanes import Lanes

pytestmark = pytest.mark.stores(*STORES, because="it is the stores themselves that are compared")

T = TypeVar("T")
LONG = 600
GUARDED, PLAIN = ("guarded-0", "guarded-1"), ("plain-0", "plain-1", "plain-2")
LARGE = "😀" * 50_000  # 200 KB
NOW = datetime(2026, 1, 1, tzinfo=UTC)
_names = count()


class Value(BaseModel):
    """Something to store."""

    content: JsonValue


@dataclass(frozen=True)
class Store:
    """A running store and the manners in which it may differ from another; PostgreSQL's are sqlite's."""

    sidecar: BareSidecar
    redis: bool

    @property
    def applies_refused(self) -> bool:
        """The other operations of a transaction are applied although the guard was refused."""
        return self.redis

    @property
    def recreates(self) -> bool:
        """A write whose ETag is of a record that is gone is accepted, as if nothing had to be guarded."""
        return self.redis


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(dapr_runtime: None, kept_in: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """The store of the tests that run now, behind a sidecar that has nothing else."""
    own = place(tmp_path_factory.mktemp("store"))
    await own.open()
    try:
        async with _sidecar(own) as sidecar:
            yield Store(sidecar, redis=isinstance(own, InRedis))
    finally:
        own.close()


def _sidecar(own: Place) -> BareSidecar:
    if isinstance(own, InRedis):
        return BareSidecar("state.redis", {"redisHost": own.redis.address, "keyPrefix": "appid"})
    if isinstance(own, InPostgres):
        metadata = {"connectionString": own.server.url(own.database), "tablePrefix": "conversation_"}
        return BareSidecar("state.postgresql", {**metadata, "keyPrefix": "appid"}, "v2")
    return BareSidecar("state.sqlite", {"connectionString": "state.sqlite", "busyTimeout": "10s"})


@pytest_asyncio.fixture
async def records(store: Store) -> AsyncIterator[DaprRecords]:
    """The service's adapter on the store."""
    async with store.sidecar.connected() as link:
        yield DaprRecords(link)


@pytest.fixture
def name() -> str:
    """A name that no other test or example uses."""
    return f"name-{next(_names)}"


# --- the model ---


@dataclass
class Model:
    """What the store should hold: the bytes and the ETag of each key, and every ETag there ever was."""

    store: Store
    rows: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    first_written: set[str] = field(default_factory=set)
    etags: list[str] = field(default_factory=list)

    def accepts(self, put: Put) -> bool:
        """Whether a guarded write is accepted.

        A transaction cannot ask for the first write, so a record that it recreates may be created once more on Redis.
        """
        if put.etag is not None and put.key not in self.rows:
            return self.store.recreates
        if put.etag is None and self.store.redis and put.key not in self.first_written:
            return True
        return self.etag(put.key) == put.etag

    def etag(self, key: str) -> str | None:
        """The ETag that a reader sees."""
        return self.rows[key][1] if key in self.rows else None


class StoreMachine(RuleBasedStateMachine):
    """Any sequence of operations, each judged by its answer and by everything that can be read after it."""

    def __init__(self, store: Store, records: DaprRecords, runner: asyncio.Runner) -> None:
        super().__init__()
        self.model = Model(store)
        self.records = records
        self.runner = runner
        self.prefix = f"machine-{next(_names)}:"
        self.changed: dict[str, bytes | None] = {}

    keys = st.sampled_from(GUARDED)
    contents = st.one_of(st.text(max_size=20), st.integers(), st.floats(allow_nan=False), st.builds(lambda: LARGE))
    others = st.dictionaries(st.sampled_from(PLAIN), st.none() | contents, max_size=3)

    @rule(key=keys, content=contents)
    def create(self, key: str, content: JsonValue) -> None:
        """A write without an ETag."""
        self._write(Put(self.prefix + key, Value(content=content), LONG))

    @rule(key=keys, content=contents)
    def replace(self, key: str, content: JsonValue) -> None:
        """A write under the ETag that was just read."""
        self._write(Put(self.prefix + key, Value(content=content), LONG, self.model.etag(self.prefix + key)))

    @precondition(lambda self: bool(self.model.etags))
    @rule(key=keys, content=contents, data=st.data())
    def replace_late(self, key: str, content: JsonValue, data: st.DataObject) -> None:
        """A write under an ETag from any time."""
        etag = data.draw(st.sampled_from(self.model.etags))
        self._write(Put(self.prefix + key, Value(content=content), LONG, etag))

    @precondition(lambda self: bool(self.model.etags))
    @rule(key=keys, content=contents, others=others, data=st.data())
    def transact(
        self, key: str, content: JsonValue, others: Mapping[str, JsonValue | None], data: st.DataObject
    ) -> None:
        """A transaction guarded by the current ETag of its first key, or by one from any time."""
        current = self.model.etag(self.prefix + key)
        etag = data.draw(st.sampled_from([*self.model.etags, *([current] * 5 if current is not None else [])]))
        guard = Put(self.prefix + key, Value(content=content), LONG, etag)
        accepted = self.model.accepts(guard)
        changes = [_change(self.prefix + other, value) for other, value in others.items()]
        assert self._run(self.records.transact(guard, changes)) is accepted
        if accepted:
            self._expect(guard)
        if accepted or self.model.store.applies_refused:
            for change in changes:
                self._expect(change)

    @rule(key=st.sampled_from(PLAIN), content=contents)
    def put(self, key: str, content: JsonValue) -> None:
        """A write that nothing guards."""
        change = Put(self.prefix + key, Value(content=content), LONG)
        self._run(self.records.put(change))
        self._expect(change)

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        """Every key: the written ones are as written under a new ETag, all others as they were, bytes and ETag."""
        keys = [self.prefix + key for key in (*GUARDED, *PLAIN)]
        for key, stored in zip(keys, self._run(self.records.read(*keys)), strict=True):
            if key not in self.changed:
                assert stored == Stored(*self.model.rows.get(key, (b"", None))), key
                continue
            written, before = self.changed[key], self.model.rows.pop(key, None)
            assert stored.data == (written or b"")
            assert (stored.etag is None) is (written is None)
            if written is not None and stored.etag is not None:
                assert before is None or stored.etag != before[1], "a new value has a new ETag"
                self.model.rows[key] = (written, stored.etag)
                self.model.etags.append(stored.etag)
        self.changed = {}

    def _write(self, put: Put) -> None:
        accepted = self.model.accepts(put)
        assert self._run(self.records.write(put)) is accepted
        if accepted:
            self._expect(put)
            self.model.first_written.add(put.key)

    def _expect(self, change: Put | Delete) -> None:
        self.changed[change.key] = _bytes(change.value) if isinstance(change, Put) else None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


def _change(key: str, content: JsonValue | None) -> Put | Delete:
    return Delete(key) if content is None else Put(key, Value(content=content), LONG)


def _bytes(value: BaseModel) -> bytes:
    return value.model_dump_json(exclude_defaults=True).encode()


def test_the_store_agrees_with_a_plain_model(store: Store) -> None:
    """Any sequence of guarded writes, transactions and plain puts answers and leaves what a dictionary would."""
    with asyncio.Runner() as runner:
        connection = store.sidecar.connected()
        link = runner.run(_entered(connection.__aenter__()))
        machine: Any = partial(
            StoreMachine, store, DaprRecords(link), runner
        )  # its parameter is a factory, typed as a class
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=examples(40),
                    stateful_step_count=20,
                    deadline=None,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
                ),
            )
        finally:
            runner.run(_entered(connection.__aexit__(None, None, None)))


async def _entered(step: Any) -> Any:
    return await step


# --- values ---


@pytest.mark.parametrize(
    "content",
    [LARGE, "👩‍✈️ <b>&\u2028\0", 12_345_678_901_234_567_891, 1.0, {"z": 1, "a": [None, {}]}],
    ids=["200 KB", "signs", "a large number", "a whole float", "an object"],
)
async def test_a_value_comes_back_byte_for_byte(records: DaprRecords, name: str, content: JsonValue) -> None:
    """However it is written, a value is read as the same bytes."""
    value = Value(content=content)
    assert await records.write(Put(f"{name}-written", value, LONG))
    await records.put(Put(f"{name}-put", value, LONG))
    (guard,) = await records.read(f"{name}-written")
    transacted = Put(f"{name}-transacted", value, LONG)
    assert await records.transact(Put(f"{name}-written", value, LONG, guard.etag), [transacted])
    stored = await records.read(f"{name}-written", f"{name}-put", f"{name}-transacted")
    assert [each.data for each in stored] == [_bytes(value)] * 3


# --- many at once ---


async def test_of_twenty_creators_exactly_one_wins(records: DaprRecords, name: str) -> None:
    """Twenty writers who all saw no record create one, and its value is that of the one who was told so."""
    won = await asyncio.gather(*(records.write(Put(name, Value(content=i), LONG)) for i in range(20)))
    assert won.count(True) == 1
    (stored,) = await records.read(name)
    assert stored.data == _bytes(Value(content=won.index(True)))


@pytest.mark.parametrize("guarded_by", ["write", "transact"])
async def test_twenty_increments_at_once_all_count(records: DaprRecords, name: str, guarded_by: str) -> None:
    """Twenty read-and-write loops on one counter end at twenty, by single writes as by transactions."""

    async def increment() -> None:
        while True:
            (stored,) = await records.read(name)
            put = Put(
                name, Value(content=int(str(Value.model_validate_json(stored.data).content)) + 1), LONG, stored.etag
            )
            if await (records.write(put) if guarded_by == "write" else records.transact(put, [])):
                return

    assert await records.write(Put(name, Value(content=0), LONG))
    await asyncio.gather(*(increment() for _ in range(20)))
    (stored,) = await records.read(name)
    assert stored.data == _bytes(Value(content=20))


# --- lifetime ---


async def test_what_a_transaction_wrote_expires_each_at_its_time(records: DaprRecords, name: str) -> None:
    """The lifetime of each operation counts: short ones are gone, long ones stay, and a gone key can be created."""
    guard, short, lasting = f"{name}-guard", f"{name}-short", f"{name}-lasting"
    assert await records.write(Put(guard, Value(content=0), LONG))
    (seen,) = await records.read(guard)
    value = Value(content=1)
    assert await records.transact(Put(guard, value, 1, seen.etag), [Put(short, value, 1), Put(lasting, value, LONG)])

    async def expired() -> bool:
        return all(stored == Stored(b"", None) for stored in await records.read(guard, short))

    await poll_until(expired, 5, "the short-lived values are gone")
    (kept,) = await records.read(lasting)
    assert kept.data == _bytes(value)
    assert await records.write(Put(guard, Value(content=2), LONG)), "an expired record is no record"


# --- where the stores differ, so that a change of theirs is noticed ---


async def test_the_others_of_a_refused_transaction(store: Store, records: DaprRecords, name: str) -> None:
    """A refused guard stays as it is; the other operations are dropped with it, but Redis applies every one of them."""
    guard, put, gone = f"{name}-guard", f"{name}-put", f"{name}-gone"
    assert await records.write(Put(guard, Value(content=1), LONG))
    (first,) = await records.read(guard)
    assert await records.write(Put(guard, Value(content=2), LONG, first.etag))
    await records.put(Put(put, Value(content="old"), LONG))
    await records.put(Put(gone, Value(content="old"), LONG))
    before = await records.read(guard)
    changes: list[Put | Delete] = [Put(put, Value(content="new"), LONG), Delete(gone)]
    assert not await records.transact(Put(guard, Value(content=3), LONG, first.etag), changes)
    assert await records.read(guard) == before
    content = [stored.data for stored in await records.read(put, gone)]
    old, new = _bytes(Value(content="old")), _bytes(Value(content="new"))
    assert content == ([new, b""] if store.applies_refused else [old, old])


async def test_a_guarded_key_takes_no_plain_write_on_redis(store: Store, records: DaprRecords, name: str) -> None:
    """Redis refuses a plain put of a key that was ever written guarded; the others replace it. So no key is both."""
    assert await records.write(Put(name, Value(content="guarded"), LONG))
    if store.redis:
        with pytest.raises(StoreUnavailable):
            await records.put(Put(name, Value(content="plain"), LONG))
    else:
        await records.put(Put(name, Value(content="plain"), LONG))
    (stored,) = await records.read(name)
    assert stored.data == _bytes(Value(content="guarded" if store.redis else "plain"))


async def test_etags_of_a_record_that_expired(store: Store, records: DaprRecords, name: str) -> None:
    """Redis counts ETags from one in each life of a key, so one of an earlier life may fit; the others' never do."""
    assert await records.write(Put(name, Value(content="first life"), 1))
    (first,) = await records.read(name)

    async def expired() -> bool:
        return await records.read(name) == [Stored(b"", None)]

    await poll_until(expired, 5, "the first record is gone")
    assert await records.write(Put(name, Value(content="second life"), LONG))
    late = Put(name, Value(content="late"), LONG, first.etag)
    assert await records.write(late) is store.redis


# --- what the service makes of it ---


@dataclass
class QuietEngine(MemoryEngine):
    """An engine whose workflows all run."""

    instances: dict[str, Any] = field(default_factory=dict)

    async def schedule(self, turn_id: str, payload: Mapping[str, JsonValue]) -> bool:
        return False

    async def status(self, turn_id: str) -> EngineStatus:
        return EngineStatus("running")


@dataclass
class WokenTurns:
    """Keeps who was woken."""

    turns: list[str] = field(default_factory=list)

    def wake(self, session_id: str, turn_id: str) -> None:
        self.turns.append(turn_id)


def _lanes(storage: DaprStateStorage, waits: WokenTurns) -> Lanes:
    return Lanes(storage, QuietEngine(), lambda: NOW, waits, POLICY, one_by_one)


def _turn(session: str, entry: LaneEntry, reply: str) -> TurnRecord:
    said: Sequence[tuple[Any, str]] = (("user", entry.message), ("assistant", reply))
    return TurnRecord(
        workflow_instance_id=entry.id,
        session_id=session,
        user_id="ada",
        outcome="answered",
        created_at=NOW,
        completed_at=NOW,
        messages=tuple(Message(role=role, content=content, timestamp=NOW) for role, content in said),
    )


async def _waiting(storage: DaprStateStorage, session: str) -> tuple[LaneEntry, LaneEntry, Snapshot]:
    """A stored session with two turns in its lane, as both executions of the first one read it."""
    first, second = (LaneEntry(id=f"{session}-{i}", message=f"message {i}", accepted_at=NOW) for i in (1, 2))
    lane = enter_lane(enter_lane(new_session(session, "ada", NOW), first), second)
    assert await storage.write(lane, None)
    return first, second, await storage.read(session)


async def test_a_turn_record_lost_to_a_refused_commit_is_restored(
    store: Store, records: DaprRecords, name: str
) -> None:
    """On Redis a commit that lost its guard replaces the turn's record; whoever next asks repairs it."""
    storage, waits = DaprStateStorage(records, lambda: NOW), WokenTurns()
    entry, following, seen = await _waiting(storage, name)
    assert seen.session is not None
    assert seen.etag is not None
    committed, lost = _turn(name, entry, "committed"), _turn(name, entry, "lost")
    assert await storage.commit(commit_turns(seen.session, committed), seen.etag)
    assert not await storage.commit(commit_turns(seen.session, lost), seen.etag)
    assert await storage.find_turn(entry.id) == (lost if store.applies_refused else committed)
    standing = await _lanes(storage, waits).stand(name, "ada", entry)
    assert standing == Done(committed)
    assert await storage.find_turn(entry.id) == committed
    session = (await storage.read(name)).session
    assert session is not None
    assert session.turns == (committed,)
    assert waits.turns == [following.id]


async def test_executions_that_commit_at_once_agree(records: DaprRecords, name: str) -> None:
    """Six executions of one turn, each with its own answer, all return the one that is stored."""
    storage = DaprStateStorage(records, lambda: NOW)
    entry, _, seen = await _waiting(storage, name)
    assert seen.session is not None
    assert seen.etag is not None
    admitted, lanes = Admitted(seen.session, seen.etag, None), _lanes(storage, WokenTurns())
    answers = await asyncio.gather(*(lanes.commit(_turn(name, entry, f"answer {i}"), admitted) for i in range(6)))
    session = (await storage.read(name)).session
    assert session is not None
    assert [*session.turns] == [answers[0]]
    assert answers == [answers[0]] * 6
    assert await storage.find_turn(entry.id) == answers[0]
