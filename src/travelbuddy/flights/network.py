"""Who flies where in the sample world: which airports have a direct service, and by which hubs the others connect.

Larger airports reach further. An airport of any size is linked to the hubs nearest to it, so that every airport of
the world can be reached from every other with two stops at most.
"""

from __future__ import annotations

from functools import lru_cache
from heapq import nsmallest

from travelbuddy.flights.directory import Airport, directory, distance_km

MIN_KM = 50
_MIN_LEG_KM = 120  # of a connection: nobody flies to a hub that a bus goes to
_REACH = ((800, 3), (2500, 4), (5500, 5), (9000, 6), (15500, 7))
"""Up to so many kilometres, a direct service needs airports whose ranks sum to this."""
_GATEWAYS = ((2, 3), (3, 1), (4, 2))
"""(lowest rank, how many): the nearest such airports serve any airport, however far."""

Path = tuple[Airport, ...]


@lru_cache(maxsize=2048)
def links(airport: Airport) -> dict[Airport, int]:
    """The hubs (rank 2 and more) with a direct service to and from ``airport``, with their distance in km."""
    distances = {hub: km for hub in _hubs() if hub != airport and (km := distance_km(airport, hub)) >= _MIN_LEG_KM}
    served = {hub: km for hub, km in distances.items() if _in_reach(airport, hub, km)}
    for rank, count in _GATEWAYS:
        near = nsmallest(count, (hub for hub in distances if hub.rank >= rank), key=lambda hub: distances[hub])
        served |= {hub: distances[hub] for hub in near}
    return served


def is_direct(a: Airport, b: Airport) -> bool:
    """True when flights go between the two without a stop, in both directions."""
    return _in_reach(a, b, distance_km(a, b)) or b in links(a) or a in links(b)


def paths(origin: Airport, destination: Airport, max_stops: int) -> list[Path]:
    """Plausible ways from one airport to the other, the shortest first; none when they are next to each other.

    Two stops are only considered when nothing shorter exists.
    """
    direct_km = distance_km(origin, destination)
    if direct_km < MIN_KM:
        return []
    found: list[Path] = [(origin, destination)] if is_direct(origin, destination) else []
    if max_stops >= 1:
        found += _one_stop(origin, destination, direct_km)
    if not found and max_stops >= 2:
        found = _two_stops(origin, destination)
    return found


@lru_cache(maxsize=1)
def _hubs() -> tuple[Airport, ...]:
    return tuple(airport for airport in directory().airports.values() if airport.rank >= 2)


def _in_reach(a: Airport, b: Airport, km: int) -> bool:
    if km < MIN_KM or (km > _REACH[0][0] and not (a.rank and b.rank)):
        return False
    return any(km <= reach and a.rank + b.rank >= needed for reach, needed in _REACH)


def _one_stop(origin: Airport, destination: Airport, direct_km: int) -> list[Path]:
    first, second = links(origin), links(destination)
    total = {hub: first[hub] + second[hub] for hub in first.keys() & second.keys()}
    shortest = min(total.values(), default=0)
    longest = max(direct_km * 1.35 + 400, shortest * 1.2)
    # A hub of higher rank is worth a small detour: that is where connections are sold.
    best = nsmallest(
        4,
        (hub for hub, km in total.items() if km <= longest),
        key=lambda hub: (total[hub] * (100 - 5 * hub.rank), hub.code),
    )
    return [(origin, hub, destination) for hub in best]


def _two_stops(origin: Airport, destination: Airport) -> list[Path]:
    """By two hubs; when no such pair has a service, by the world hubs that make the shortest way a plane can fly."""
    first, second = links(origin), links(destination)
    pairs = [(a, b) for a in first for b in second if a != b and b in links(a)]
    if not pairs:
        first, second = _world_hubs(origin), _world_hubs(destination)
        pairs = [(a, b) for a in first for b in second if MIN_KM <= distance_km(a, b) <= _REACH[-1][0]]
    best = nsmallest(
        3,
        pairs,
        key=lambda pair: (first[pair[0]] + distance_km(*pair) + second[pair[1]], pair[0].code, pair[1].code),
    )
    return [(origin, a, b, destination) for a, b in best]


def _world_hubs(airport: Airport) -> dict[Airport, int]:
    """The nearest dozen of the world's hubs; enough that some pair of two such dozens is within a plane's range."""
    hubs = ((hub, distance_km(airport, hub)) for hub in _hubs() if hub.rank == 4 and hub != airport)
    return dict(nsmallest(12, hubs, key=lambda each: each[1]))
