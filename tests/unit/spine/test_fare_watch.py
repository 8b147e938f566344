"""Fare watches over a store in memory: the desk, and the activities in the face of repetition, races and outages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import JsonValue
from tests.property.simulation import MemoryRecords
from tests.unit.spine.jobs_in_memory import Engine, jobs_over

from travelbuddy.adapters.dapr_errands import DaprErrandIndexes, DaprErrands
from travelbuddy.adapters.dapr_store import Put
from travelbuddy.adapters.ports import EngineState
from travelbuddy.domain.travel import FlightQuery, Offer
from travelbuddy.domain.watch import ATTEMPTS, Watch
from travelbuddy.errors import (
    KeyReused,
    NotFound,
    OwnedByAnother,
    StoreUnavailable,
    ToolError,
    TooManyWatches,
    Transient,
)
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.incoming import Incoming, turn_prefix
from travelbuddy.tools.desks import Customer
from travelbuddy.watches import MOST_OPEN, Watches, WatchRules, Wish
from travelbuddy.workflow.watch_activities import WatchActivities
from travelbuddy.workflow.watch_payloads import LookInput

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
QUERY = FlightQuery(origin="LHR", destination="JFK", departure_date=date(2026, 9, 1))
Searched = str | Exception | None


class Market:
    """Flights whose price is the next of a list; the last one stays."""

    name = "market"
    local = False

    def __init__(self, *prices: Searched) -> None:
        self.prices = [*prices]
        self.searches = 0
        self.reached = asyncio.Semaphore(0)
        """Released by each search."""
        self.gate = asyncio.Event()
        self.gate.set()

    async def search(self, query: FlightQuery) -> list[Offer]:
        self.searches += 1
        self.reached.release()
        price = self.prices.pop(0) if len(self.prices) > 1 else self.prices[0]
        await self.gate.wait()
        if isinstance(price, Exception):
            raise price
        if price is None:
            return []
        (offer, *_) = await SampleFlights().search(query)
        return [offer.model_copy(update={"total_amount": price})]


class Hook:
    """A webhook whose receiver fails first."""

    def __init__(self, *troubles: Exception) -> None:
        self.troubles = [*troubles]
        self.sent: list[tuple[str, Mapping[str, JsonValue]]] = []

    async def check(self, url: str) -> None:
        if "private" in url:
            raise ToolError("bad_webhook", "leads into a private network", field="webhook")

    async def send(self, url: str, event_id: str, body: Mapping[str, JsonValue]) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.sent.append((event_id, body))


class Store(MemoryRecords):
    """A store that fails to write keys that begin as it is told."""

    fails_to_write = "nothing"

    def __init__(self) -> None:
        super().__init__(applies_refused=False)

    async def write(self, put: Put, *others: Put) -> bool:
        if put.key.startswith(self.fails_to_write):
            raise StoreUnavailable("the store is away")
        return await super().write(put, *others)


class Room:
    """Everything together, at a time that tests move."""

    def __init__(self, *prices: Searched, hook: Hook | None = None, today: date | None = None) -> None:
        self.now = NOW
        self.store = Store()
        self.records: DaprErrands[Watch] = DaprErrands(self.store, Watch)
        self.engine, self.market, self.hook = Engine(), Market(*prices or ("300.00",)), hook or Hook()
        self.notices: dict[str, Incoming] = {}
        self.refuses: Exception | None = None
        rules = WatchRules(today=today)
        self.jobs = jobs_over(self.store, self.engine, lambda: self.now)
        self.desk = Watches(self.records, self.jobs, self.market, self.hook, lambda: self.now, rules)
        self.activities: WatchActivities = self.desk.activities(self.accept)

    async def accept(self, notice: Incoming) -> None:
        """A door that tells each key once."""
        if self.refuses is not None:
            raise self.refuses
        assert notice.key is not None
        self.notices.setdefault(notice.key, notice)

    async def begin(self, key: str | None = "k", user: str = "ada", **wish: Any) -> Watch:
        given: dict[str, Any] = {"query": QUERY, "limit": "250.00", **wish}
        return await self.desk.begin(user, "s", Wish(**given), TODAY, key)

    async def look(self, watch: Watch, number: int = 0) -> str:
        return (await self.activities.check_fare(watch.id, LookInput(user_id="ada", number=number))).kind

    async def tell(self, watch: Watch, number: int = 0) -> str:
        return (await self.activities.tell_fare(watch.id, LookInput(user_id="ada", number=number))).kind

    async def until(self, moment: datetime) -> list[str]:
        """Let the time pass, and start what is due; returns what was started since."""
        self.now, before = moment, len(self.engine.started)
        await self.jobs.go_round()
        return [f"{payload['id']} {payload.get('number', 0)}" for _, payload in self.engine.started[before:]]

    async def stored(self, watch: Watch) -> Watch:
        found = await self.records.find(watch.id)
        assert found is not None
        return found[0]


async def test_a_watch_is_begun_once_for_each_key() -> None:
    """The same key is the same watch; it is begun while the engine is away, and looks once that is there."""
    room = Room()
    room.engine.down = True
    watch = await room.begin()
    assert await room.begin() == watch
    assert await room.until(NOW) == []
    room.engine.down = False
    assert await room.until(NOW + timedelta(seconds=2)) == [f"{watch.id} 0"]
    assert watch.id.startswith(turn_prefix("ada"))
    assert (await room.begin(key=None)).id != (await room.begin(key=None)).id
    assert len(await room.desk.of("ada")) == 3


async def test_a_watch_is_noted_before_its_record() -> None:
    """Whoever dies in between leaves a note of a job that is not there; it is taken out an hour later, not sooner."""
    room = Room()
    room.store.fails_to_write = "fare_watch:"
    with pytest.raises(StoreUnavailable):
        await room.begin()
    room.store.fails_to_write = "nothing"
    for later, noted in ((1, True), (59, True), (61, False)):
        room.now = NOW + timedelta(minutes=later)
        await room.jobs.sweep()
        assert any(key.startswith("jobs:") for key in room.store.rows) == noted


@pytest.mark.parametrize("other", [{"limit": "240.00"}, {"every": 901.0}, {"until": date(2026, 8, 1)}])
async def test_a_key_does_not_stand_for_another_wish(other: dict[str, Any]) -> None:
    """Whoever uses it again for something else is told so, and nothing changes."""
    room = Room()
    watch = await room.begin()
    with pytest.raises(KeyReused):
        await room.begin(**other)
    assert await room.desk.of("ada") == [watch]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"every": 899.0}, "every"),
        ({"every": 604_801.0}, "every"),
        ({"until": date(2026, 6, 30)}, "until"),
        ({"until": date(2026, 9, 2)}, "until"),
        ({"query": QUERY.model_copy(update={"departure_date": date(2026, 6, 30)})}, "departure_date"),
        ({"webhook": "https://private.example/"}, "webhook"),
    ],
)
async def test_a_wish_that_cannot_be_fulfilled_names_the_field(wish: dict[str, Any], field: str) -> None:
    """Nothing is stored, nothing is started."""
    room = Room()
    with pytest.raises(ToolError) as refused:
        await room.begin(**wish)
    assert refused.value.field == field
    assert await room.desk.of("ada") == []
    assert await room.until(NOW) == []


async def test_a_default_below_the_shortest_period_is_that() -> None:
    """An operator who raises WATCH_EVERY_MIN alone refuses nobody who names no period."""
    room = Room()
    rules = WatchRules(every=600, every_min=900)
    desk = Watches(room.records, room.jobs, room.market, room.hook, lambda: NOW, rules)
    assert (await desk.begin("ada", "s", Wish(QUERY, "250.00"), TODAY, "k")).every == 900


async def test_a_user_has_twenty_open_watches_at_most() -> None:
    """One more is refused; after one is cancelled there is room again, and another user has room anyway."""
    room = Room()
    watches = [await room.begin(key=str(number)) for number in range(MOST_OPEN)]
    with pytest.raises(TooManyWatches):
        await room.begin(key="more")
    await room.begin(key="more", user="bob")
    await room.desk.cancel(watches[0].id, "ada")
    await room.begin(key="more")


async def test_a_look_counts_and_decides_once_however_often_it_is_executed() -> None:
    """A second execution of the same look neither counts nor decides again, also when the price is lower by then."""
    room = Room("240.00", "200.00")
    watch = await room.begin()
    assert [await room.look(watch) for _ in range(3)] == ["tell"] * 3
    stored = await room.stored(watch)
    assert (stored.checks, stored.last_price, room.market.searches) == (1, "240.00", 1)
    assert [told.price for told in stored.notified] == ["240.00"]


async def test_two_executions_at_once_come_to_one_result() -> None:
    """An old execution that is still alive beside a new one loses the guard, and tells what the other found."""
    room = Room("240.00", "200.00")
    watch = await room.begin()
    room.market.gate.clear()
    both = [asyncio.create_task(room.look(watch)) for _ in range(2)]
    for _ in both:
        await room.market.reached.acquire()
    room.market.gate.set()
    assert await asyncio.gather(*both) == ["tell", "tell"]
    stored = await room.stored(watch)
    assert (stored.checks, len(stored.notified)) == (1, 1)
    assert [await room.tell(watch) for _ in range(2)] == ["done", "done"]
    (notice,) = room.notices.values()
    assert stored.notified[0].price in notice.text


async def test_what_is_told() -> None:
    """The notice has the price, the limit and the journey, and carries the same as data; it is published as well."""
    room = Room("240.00")
    watch = await room.begin()
    await room.look(watch)
    await room.tell(watch)
    (notice,) = room.notices.values()
    assert (notice.user_id, notice.session_id, notice.door, notice.key) == ("ada", "s", "fare_watch", f"{watch.id}-0")
    assert all(part in notice.text for part in ("LHR to JFK", "2026-09-01", "240.00 EUR", "250.00 EUR"))
    assert notice.notice is not None
    assert notice.notice == {
        "kind": "fare_watch",
        "event": "fell",
        "watch_id": watch.id,
        "price": "240.00",
        "currency": "EUR",
        "limit": "250.00",
        "query": QUERY.model_dump(mode="json", exclude={"max_price", "sort"}),
    }
    assert notice.reply_to is not None
    assert (notice.reply_to.recipient, notice.reply_to.in_reply_to) == ("ada", watch.id)
    assert notice.since == NOW


async def test_a_supplier_in_trouble_is_asked_again_in_the_next_period() -> None:
    """Its trouble, and a query it cannot serve, are noted in the record; the watch goes on."""
    room = Room(Transient("the supplier is busy"), ToolError("bad", "no such airport"), None, "200.00")
    watch = await room.begin()
    errors = []
    for number in range(4):
        await room.look(watch, number)
        errors.append((await room.stored(watch)).error)
    assert errors == ["the supplier is busy", "no such airport", None, None]
    stored = await room.stored(watch)
    assert (stored.checks, stored.last_price, len(stored.notified)) == (4, "200.00", 1)


async def test_cancelling_while_it_looks() -> None:
    """The look that is under way changes nothing any more and tells nothing."""
    room = Room("100.00")
    watch = await room.begin()
    await room.until(NOW)
    room.market.gate.clear()
    looking = asyncio.create_task(room.look(watch))
    await room.market.reached.acquire()
    assert (await room.desk.cancel(watch.id, "ada")).status == "cancelled"
    room.market.gate.set()
    assert await looking == "over"
    assert (await room.stored(watch)).checks == 0
    assert room.engine.states[watch.id] == "terminated"
    assert (await room.desk.cancel(watch.id, "ada")).status == "cancelled"


async def test_cancelling_between_the_look_and_the_notice() -> None:
    """Nothing is told of a watch that its user has cancelled."""
    room = Room("100.00", hook=Hook())
    watch = await room.begin(webhook="https://hooks.example/")
    assert await room.look(watch) == "tell"
    await room.desk.cancel(watch.id)
    assert await room.tell(watch) == "done"
    await room.activities.send_webhook(watch.id, LookInput(user_id="ada", number=0))
    assert (room.notices, room.hook.sent) == ({}, [])


async def test_cancelling_while_the_engine_is_away() -> None:
    """The record counts: the next look finds it, and the workflow ends."""
    room = Room()
    watch = await room.begin()
    room.engine.down = True
    assert (await room.desk.cancel(watch.id)).status == "cancelled"
    assert await room.look(watch) == "over"


async def test_an_erased_watch_stays_erased() -> None:
    """A look and a notice that were under way bring nothing back."""
    room = Room("100.00")
    watch = await room.begin()
    room.market.gate.clear()
    looking = asyncio.create_task(room.look(watch))
    await room.market.reached.acquire()
    indexes = DaprErrandIndexes(room.store)
    await indexes.delete(await indexes.marks("ada"))
    room.market.gate.set()
    assert await looking == "over"
    assert await room.tell(watch) == "done"
    await room.activities.end_watch(watch.id, LookInput(user_id="ada", number=9))
    assert await room.records.find(watch.id) is None
    assert room.notices == {}


async def test_nobody_sees_or_cancels_anothers_watch() -> None:
    """For others it is not there."""
    room = Room()
    watch = await room.begin()
    for attempt in (room.desk.find(watch.id, "bob"), room.desk.cancel(watch.id, "bob"), room.desk.find("nothing")):
        with pytest.raises(NotFound):
            await attempt
    assert await room.desk.of("bob") == []
    assert (await room.desk.find(watch.id, "ada")).status == "watching"


async def test_a_webhook_is_told_once_more_after_trouble() -> None:
    """Each try is the same event; the last one that fails is noted in the record, and the watch goes on."""
    hook = Hook(Transient("the receiver answered 500", 3), Transient("the receiver answered 500"))
    room = Room("240.00", "230.00", hook=hook)
    watch = await room.begin(webhook="https://hooks.example/")
    await room.look(watch)
    assert await room.tell(watch) == "webhook"
    ask = LookInput(user_id="ada", number=0)
    assert await room.until(NOW + timedelta(seconds=1)) == [f"{watch.id} 0"]
    for pause in (5, 30):
        assert (await room.activities.send_webhook(watch.id, ask)).kind == "done"
        room.engine.over(watch.id)
        due = (await room.stored(watch)).due
        assert due == room.now + timedelta(seconds=pause)
        assert await room.look(watch) == "done", "the receiver is left alone meanwhile"
        assert await room.until(due - timedelta(seconds=1)) == []
        assert await room.until(due) == [f"{watch.id} 0"]
        assert await room.look(watch) == "webhook"
    assert (await room.activities.send_webhook(watch.id, ask)).kind == "done"
    assert (await room.stored(watch)).due == (await room.stored(watch)).next_check_at
    ((event, body),) = hook.sent
    assert event == f"{watch.id}-0"
    assert body["type"] == "fare_watch.fell"
    assert isinstance(body["data"], dict)
    assert set(body["data"]) == {"watch_id", "price", "currency", "limit", "query", "session_id"}
    for troubles, words in (
        ([Transient("the receiver answered 500")] * ATTEMPTS, "answered 500"),
        ([ToolError("bad_webhook", "it is gone", field="webhook")], "it is gone"),
    ):
        room = Room("240.00", hook=Hook(*troubles))
        watch = await room.begin(webhook="https://hooks.example/")
        await room.look(watch)
        await room.tell(watch)
        for _ in troubles:
            await room.activities.send_webhook(watch.id, ask)
        stored = await room.stored(watch)
        assert words in (stored.error or "")
        assert (stored.over, stored.due) == (False, stored.next_check_at)


async def test_a_notice_that_its_session_refuses() -> None:
    """Where the session is another user's by now, the record says so; nothing is tried for ever."""
    room = Room("240.00")
    watch = await room.begin()
    await room.look(watch)
    room.refuses = OwnedByAnother("session 's' is not yours")
    assert await room.tell(watch) == "done"
    assert "not yours" in ((await room.stored(watch)).error or "")


async def test_a_store_that_is_away_is_a_value_for_the_workflow() -> None:
    """It comes back as a retry, which ends the instance; what was not told is due until it is."""
    room = Room("240.00")
    watch = await room.begin()
    await room.look(watch)
    room.refuses = StoreUnavailable("the store is away", retry_after=2)
    answer = await room.activities.by_name()["tell_fare"](watch.id, '{"user_id": "ada", "number": 0}', None)
    assert answer == '{"kind":"retry","retry_after":2.0}'
    room.refuses = None
    due = (await room.stored(watch)).due
    assert due is not None
    assert due <= room.now
    assert await room.tell(watch) == "done"
    assert (await room.stored(watch)).due == (await room.stored(watch)).next_check_at


async def test_the_end_is_told_once_and_only_where_nothing_was() -> None:
    """A watch that had nothing to tell says so at its end; one that told a price ends silently."""
    for price, words in (("300.00", "lowest price I saw was 300.00 EUR"), (None, "saw no offer"), ("200.00", "")):
        room = Room(price)
        watch = await room.begin()
        await room.look(watch)
        for _ in range(2):
            await room.activities.end_watch(watch.id, LookInput(user_id="ada", number=1))
        assert (await room.stored(watch)).status == "ended"
        assert [words in notice.text for notice in room.notices.values()] == ([True] if words else [])
        assert await room.look(watch, 1) == "over"


async def test_the_tools_first_look_is_told_by_the_answer() -> None:
    """The watch begins with the price of now, its workflow with the next look; a notice comes when it falls further."""
    room = Room("240.00", "245.00", "239.00")
    customer = Customer("ada", "s", "turn/call")
    watch = await room.desk.watch(customer, QUERY, "250.00", TODAY)
    assert (watch.last_price, watch.checks, [told.price for told in watch.notified]) == ("240.00", 1, ["240.00"])
    assert watch.due == watch.next_check_at
    assert await room.until(watch.next_check_at - timedelta(seconds=1)) == []
    assert await room.until(watch.next_check_at) == [f"{watch.id} 1"]
    assert await room.desk.watch(customer, QUERY, "250.00", TODAY) == watch
    assert [await room.look(watch, 1), await room.look(watch, 2)] == ["done", "tell"]


async def test_the_tool_begins_a_watch_while_the_supplier_is_busy() -> None:
    """The first look is then a workflow's, at once."""
    room = Room(Transient("busy"))
    watch = await room.desk.watch(Customer("ada", "s", "turn/call"), QUERY, "250.00", TODAY)
    assert watch.checks == 0
    assert await room.until(NOW) == [f"{watch.id} 0"]


@pytest.mark.parametrize("state", ["missing", "failed", "terminated", "completed"])
async def test_a_look_that_was_ended_from_outside_is_only_lost(state: EngineState) -> None:
    """Whatever became of its instance, a watch is looked at as long as its record says that it is due."""
    room = Room()
    watch = await room.begin()
    assert await room.until(NOW) == [f"{watch.id} 0"]
    room.engine.states[watch.id] = state
    assert await room.until(NOW + timedelta(seconds=2)) == [f"{watch.id} 0"]
    await room.look(watch)
    assert (await room.desk.find(watch.id)).status == "watching"


async def test_a_watch_that_no_index_has_is_noted_by_who_sees_it() -> None:
    """As after a backup of an earlier version was restored: a look that is overdue is noted again, and taken."""
    room = Room()
    watch = await room.begin()
    for number in range(16):
        room.store.rows.pop(f"jobs:{number}", None)
    later = jobs_over(room.store, room.engine, lambda: room.now)
    desk = Watches(room.records, later, room.market, room.hook, lambda: room.now, WatchRules())
    room.now += timedelta(seconds=5)
    await desk.find(watch.id)
    await later.go_round()
    assert room.engine.starts == [], "it is not overdue yet"
    room.now += timedelta(seconds=10)
    await desk.of("ada")
    await later.go_round()
    assert room.engine.starts == [watch.id]
    another = jobs_over(room.store, room.engine, lambda: room.now)
    await another.sweep()
    assert [*another.known] == [watch.id]


async def test_looks_after_missed_ones_keep_to_the_grid() -> None:
    """After an outage of five periods one look is taken, late, and the next is on the grid again."""
    room = Room()
    watch = await room.begin(every=900.0)
    await room.look(watch)
    first = (await room.stored(watch)).next_check_at
    assert await room.until(first + timedelta(seconds=5 * 900)) == [f"{watch.id} 1"]
    await room.look(watch, 1)
    stored = await room.stored(watch)
    assert (stored.checks, stored.number) == (2, 7)
    assert stored.next_check_at == first + timedelta(seconds=6 * 900)


async def test_a_supplier_that_breaks_down_is_asked_again_in_the_next_period() -> None:
    """An error that nobody foresaw is trouble like any other: one search a period, not one a second."""
    room = Room(ValueError("surprise"))
    watch = await room.begin()
    assert await room.look(watch) == "done"
    stored = await room.stored(watch)
    assert (stored.checks, stored.error) == (1, "an unforeseen ValueError")
    assert stored.next_check_at > room.now


async def test_a_fixed_calendar_shifts_the_end() -> None:
    """Where TODAY fixes the agent's day, a watch ends as many real days from now."""
    room = Room(today=date(2026, 1, 10))
    query = QUERY.model_copy(update={"departure_date": date(2026, 1, 12)})
    watch = await room.desk.begin("ada", "s", Wish(query, "250.00"), date(2026, 1, 10), "k")
    assert watch.ends_at == datetime(2026, 7, 4, tzinfo=UTC)
