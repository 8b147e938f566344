"""A fare watch against its promise: each look counts once, each fall is told once, whatever dies, is lost or late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from tests.property.jobs_world import World
from tests.property.simulation import pause
from tests.sizes import examples
from tests.unit.flights.offers import an_offer

from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.adapters.dapr_jobs import DaprJobIndex
from travelbuddy.domain.errands import ErrandKind
from travelbuddy.domain.travel import FlightQuery, Offer
from travelbuddy.domain.watch import Look, Watch, seen
from travelbuddy.errors import Transient
from travelbuddy.jobs import JobKind, Jobs
from travelbuddy.watches import Watches, WatchRules, Wish, watch_jobs
from travelbuddy.workflow.executing import Execute

QUERY = FlightQuery(origin="LHR", destination="JFK", departure_date=date(2026, 3, 1))
LOOKS = 4


class Market:
    """Sells at the next of these prices at each search, and at the last for ever; now and then it is in trouble."""

    name = "market"
    local = False

    def __init__(self, prices: list[int]) -> None:
        self._prices = prices

    async def search(self, query: FlightQuery) -> list[Offer]:
        await pause()
        price = self._prices.pop(0) if len(self._prices) > 1 else self._prices[0]
        await pause()
        if price < 0:
            raise Transient("scripted")
        return [an_offer("off").model_copy(update={"total_amount": f"{price}.00"})]


class Hook:
    """A receiver that knows a repeated event by its id, and fails first."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.sent: dict[str, JsonValue] = {}

    async def check(self, url: str) -> None:
        return

    async def send(self, url: str, event_id: str, body: Mapping[str, JsonValue]) -> None:
        await pause()
        if self.failures:
            self.failures -= 1
            raise Transient("scripted")
        assert self.sent.setdefault(event_id, body["data"]) == body["data"]
        await pause()


class WatchWorld(World):
    """One watch, whose supplier and receiver are in trouble now and then."""

    def __init__(self, seed: int, crashes: int, prices: list[int], failures: int) -> None:
        self.market, self.hook = Market(prices), Hook(failures)
        super().__init__(seed, crashes)
        wish = Wish(QUERY, "250.00", every=20.0, webhook="https://hooks.example/")
        self.job_id = self.drive(self.desk.begin("u", "s", wish, date(2026, 1, 1), "k")).id

    def begin(self, index: DaprJobIndex) -> tuple[Jobs, Mapping[str, Execute]]:
        records = DaprErrands(self.store, Watch)
        kinds: dict[ErrandKind, JobKind] = {"fare_watch": watch_jobs(records, self.clock)}
        jobs = Jobs(index, self.engine, kinds, self.engine, self.clock)
        self.desk = Watches(records, jobs, self.market, self.hook, self.clock, WatchRules(every_min=1))
        activities = self.desk.activities(self.accept)
        activities._look = self._searched  # type: ignore[method-assign]  # its time-out needs an event loop
        return jobs, activities.by_name()

    async def _searched(self, watch: Watch, number: int) -> Look:
        try:
            return seen(await self.market.search(watch.query), number)
        except Transient as trouble:
            return Look(number=number, error=str(trouble))

    @property
    def stored(self) -> Watch:
        return Watch.model_validate_json(self.store.rows[f"fare_watch:{self.job_id}"][0])

    @property
    def settled(self) -> bool:
        """Whether it has looked as often as it is to, and told what it found."""
        watch = self.stored
        return watch.due is None or (watch.checks >= LOOKS and watch.to_tell is None)


@settings(max_examples=examples(200), deadline=None)
@given(
    seed=st.integers(0, 2**32),
    crashes=st.integers(0, 4),
    prices=st.lists(st.integers(-1, 400), min_size=1, max_size=8),
    failures=st.integers(0, 3),
    cancels=st.booleans(),
)
def test_each_fall_is_told_once(seed: int, crashes: int, prices: list[int], failures: int, cancels: bool) -> None:
    """However crashes, second executions, lost instances and trouble fall: it looks on, and tells what it found."""
    world = WatchWorld(seed, crashes, prices, failures)
    doors = [partial(world.desk.cancel, world.job_id, "u")] if cancels else []
    world.play([*doors], lambda: world.settled)
    watch = world.stored
    told = [Decimal(each.price) for each in watch.notified]
    assert told == sorted(told, reverse=True)
    assert len(world.told) <= len(told), "nothing else is told"
    if not cancels:
        assert watch.status == "watching"
        assert len(world.told) == len(told)
        assert {event.rpartition("-")[2] for event in world.hook.sent} == {str(each.look) for each in watch.notified}
