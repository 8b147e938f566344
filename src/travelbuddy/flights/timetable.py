"""The sample timetable: the same flights every time, a pure function of route and day.

Hubs work in waves, four a day: flights arrive in the hour before a wave's middle and leave in the hour after, so
that connections fit. A flight keeps to the waves of the larger of its two airports. Times are local to their
airport; all arithmetic is in UTC, so days on which clocks change are right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from zoneinfo import ZoneInfo

from travelbuddy.domain.travel import Carrier
from travelbuddy.flights.directory import Airport, distance_km
from travelbuddy.flights.network import Path

MIN_CONNECTION = timedelta(minutes=50)
MAX_CONNECTION = timedelta(hours=5)
OVERNIGHT = timedelta(hours=26)
"""Every route has a flight each day, so some connection is always within this."""

CARRIERS = (
    Carrier(iata_code="SH", name="SkyHighAir"),
    Carrier(iata_code="GW", name="GlobalWings"),
    Carrier(iata_code="PP", name="Paper Plane Airways"),
    Carrier(iata_code="IM", name="Imaginary Airlines"),
    Carrier(iata_code="CL", name="Cloudberry Air"),
    Carrier(iata_code="UJ", name="UnicornJet"),
    Carrier(iata_code="NB", name="Nimbus & Sons"),
)

_WAVES = (time(7, 30), time(11, 30), time(15, 30), time(19, 30))
_CLIMB = 30  # minutes for taxi, climb and approach
_TURN = 5  # published times are multiples of five minutes


@dataclass(frozen=True, slots=True)
class Flight:
    """One flight on one day; both times are local with their UTC offset."""

    origin: Airport
    destination: Airport
    departing_at: datetime
    arriving_at: datetime
    carrier: Carrier
    number: str


def seeded(*parts: object) -> int:
    """A number that depends on nothing but ``parts``, the same in every process and on every machine."""
    return int.from_bytes(blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest())


def block_minutes(origin: Airport, destination: Airport) -> int:
    """Scheduled minutes from gate to gate; short hops fly slower, eastbound long hauls faster."""
    km = distance_km(origin, destination)
    kmh = 480 if km < 400 else 720 if km < 1500 else 860
    if km > 3000:
        east = origin.unit[0] * destination.unit[1] - origin.unit[1] * destination.unit[0] > 0
        kmh += 35 if east else -35
    return _round(_CLIMB + km * 60 // kmh)


@lru_cache(maxsize=2048)
def flights(origin: Airport, destination: Airport, day: date) -> tuple[Flight, ...]:
    """The direct flights that leave ``origin`` on the local ``day``, in order of departure."""
    block = timedelta(minutes=block_minutes(origin, destination))
    found = []
    for slot in _slots(origin, destination):
        for departure, arrival in _times(origin, destination, block, day, slot):
            if departure.date() == day:
                found.append(Flight(origin, destination, departure, arrival, slot.carrier, slot.number))
    return tuple(sorted(found, key=lambda flight: (flight.departing_at, flight.number)))


def journeys(path: Path, day: date, longest_wait: timedelta = MAX_CONNECTION) -> Iterator[tuple[Flight, ...]]:
    """Every way to fly along ``path`` that starts on ``day``, each with the earliest connections there are."""
    for flight in flights(path[0], path[1], day):
        legs: list[Flight] = [flight]
        for origin, destination in pairwise(path[1:]):
            onward = _connection(legs[-1].arriving_at, origin, destination, longest_wait)
            if onward is None:
                break
            legs.append(onward)
        else:
            yield tuple(legs)


def _connection(landed: datetime, origin: Airport, destination: Airport, longest_wait: timedelta) -> Flight | None:
    first, last = (landed + MIN_CONNECTION).date(), (landed + longest_wait).date()
    for ahead in range((last - first).days + 1):
        for flight in flights(origin, destination, first + timedelta(days=ahead)):
            if MIN_CONNECTION <= flight.departing_at - landed <= longest_wait:
                return flight
    return None


@dataclass(frozen=True, slots=True)
class _Slot:
    """One daily flight of a route: ``local`` is its time at the hub whose wave it keeps to."""

    local: time
    keeps_arrival: bool
    carrier: Carrier
    number: str


@lru_cache(maxsize=4096)
def _slots(origin: Airport, destination: Airport) -> tuple[_Slot, ...]:
    keeps_arrival = (destination.rank, destination.code) > (origin.rank, origin.code)
    waves = _WAVES if min(origin.rank, destination.rank) >= 2 else _WAVES[::2]
    slots = []
    for index, wave in enumerate(waves):
        seed = seeded("slot", origin.code, destination.code, index)
        away = 25 + _round(seed % 50)
        middle = wave.hour * 60 + wave.minute + (-away if keeps_arrival else away)
        carrier = CARRIERS[seed // 64 % len(CARRIERS)]
        number = str(100 + 8 * (seed // 4096 % 1000) + 2 * index + keeps_arrival)
        slots.append(_Slot(time(middle // 60, middle % 60), keeps_arrival, carrier, number))
    return tuple(slots)


def _times(
    origin: Airport, destination: Airport, block: timedelta, day: date, slot: _Slot
) -> Iterator[tuple[datetime, datetime]]:
    """Local departure and arrival for every day at the hub that can mean a departure on ``day``."""
    if not slot.keeps_arrival:
        departure = datetime.combine(day, slot.local, ZoneInfo(origin.tz)).astimezone(UTC)
        yield _local(departure, origin), _local(departure + block, destination)
        return
    for shift in (-1, 0, 1, 2):  # over the date line a flight can land the day before it left
        local = datetime.combine(day + timedelta(days=shift), slot.local, ZoneInfo(destination.tz))
        arrival = local.astimezone(UTC)
        yield _local(arrival - block, origin), _local(arrival, destination)


def _local(moment: datetime, airport: Airport) -> datetime:
    """The moment on the airport's clock, with a fixed offset so that comparing and subtracting stay exact."""
    there = moment.astimezone(ZoneInfo(airport.tz))
    return there.replace(tzinfo=timezone(there.utcoffset() or timedelta()))


def _round(minutes: int) -> int:
    return -(-minutes // _TURN) * _TURN
