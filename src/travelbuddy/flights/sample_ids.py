"""Ids of sample offers: they say all that is needed to find the offer again, for nothing of it is stored.

off_<origin><destination>_<departure>[_<return>]_<passengers><cabin><most stops>_<journey>[<journey>]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from pydantic import ValidationError

from travelbuddy.domain.travel import CABINS, FlightQuery
from travelbuddy.flights.timetable import seeded

_ID = re.compile(
    r"off_([A-Z]{3})([A-Z]{3})_(\d{8})(?:_(\d{8}))?_([1-9])([0-3])([0-2x])_([0-9a-f]{12})([0-9a-f]{12})?", re.A
)


class Named(NamedTuple):
    """What an id names: the query under which the offer was found, and the mark of each direction's journey."""

    query: FlightQuery
    journeys: tuple[str, ...]


def mark(flights: Sequence[str]) -> str:
    """What tells one journey of a direction from the others, of the names of its flights."""
    return f"{seeded('journey', *flights):016x}"[:12]


def offer_id(query: FlightQuery, journeys: Sequence[Sequence[str]]) -> str:
    """The id of the offer of these journeys, each by the names of its flights."""
    days = "_".join(f"{day:%Y%m%d}" for day in (query.departure_date, query.return_date) if day is not None)
    stops = "x" if query.max_stops is None else query.max_stops
    kind = f"{query.passengers}{CABINS.index(query.cabin)}{stops}"
    return f"off_{query.origin}{query.destination}_{days}_{kind}_{''.join(map(mark, journeys))}"


def named_by(text: str) -> Named | None:
    """What this id names; None when it is none of ours."""
    if (parts := _ID.fullmatch(text)) is None:
        return None
    origin, destination, leaves, returns, passengers, cabin, stops, out, back = parts.groups()
    if (returns is None) is not (back is None):
        return None
    try:
        query = FlightQuery(
            origin=origin,
            destination=destination,
            departure_date=_day(leaves),
            return_date=_day(returns) if returns is not None else None,
            passengers=int(passengers),
            cabin=CABINS[int(cabin)],
            max_stops=None if stops == "x" else int(stops),
        )
    except (ValidationError, ValueError):
        return None
    return Named(query, (out,) if back is None else (out, back))


def _day(digits: str) -> date:
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
