"""Several journeys in one message: "from Oslo to Rome on Friday, then to Paris on Monday"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from travelbuddy.offline.frame import Frame, Understanding
from travelbuddy.offline.places import Route, read_route
from travelbuddy.offline.text import tidy
from travelbuddy.offline.trip import Trip, advance
from travelbuddy.offline.wording import plainly

_MOST = 4
_CUT = re.compile(
    r"(?:[,;: ]+\b\d[.)] (?=[A-Z]\w+(?: [A-Z]\w+)? ?(?:to|-) ?[A-Z])|[,;] (?=[A-Z]\w+(?: [A-Z]\w+)? to [A-Z])"
    r"|[,.;]? ?\b(?:and|plus|as well as|also|then|after that)\b(?: also| then| another| one)?,? )"
    r"(?=(?:(?:an?|the|one|another) )?(?:(?:direct |return |one way |cheap )?(?:flights?|tickets?|trip) )?"
    r"(?:from \w|to [A-Z]|[A-Z]\w+(?: [A-Z]\w+)? ?(?:to|-) ?[A-Z]))"
)
_HOME = re.compile(r",? (?:and |then )+(?:(?:fly|go|head|come) )?(?:back |home )+(?P<leg>to [A-Z])")
_HOMEWARDS = re.compile(r"[,;]? (?:and |then )*(?:(?:fly|go|head|come) )?(?:back )?home(?= (?:on|the|by|\d))")
_GOES_ON = re.compile(r"\b(?:then|after that)\b")


def several(trip: Trip, message: str, read: Callable[[str], Understanding]) -> tuple[Trip, ...]:
    """The journeys that the message asks for where it tells more than one, each complete; else none.

    What is said once counts for all; one that goes on ("then to Paris") starts where the one before ended; there and
    back are one.
    """
    text = plainly(tidy(message))
    parts, links = _CUT.split(text), _CUT.findall(text)
    if len(parts) > 1 and (home := _HOME.search(parts[-1])):  # a tour ends with a leg of its own
        parts[-1:], links = [parts[-1][: home.start()], parts[-1][home.start("leg") :]], [*links, " then "]
    elif len(parts) > 1 and (home := _HOMEWARDS.search(parts[-1])) and (house := read_route(parts[0]).origin):
        parts[-1:], links = [parts[-1][: home.start()], f"to {house}{parts[-1][home.end() :]}"], [*links, " then "]
    if len(parts) > 2 and not read_route(parts[0]).destination:  # "Hello, Oslo to Rome on Friday, Rome to Paris …"
        parts[:2], links = [", ".join(parts[:2])], links[1:]
    routes = [read_route(part) for part in parts]
    if not 1 < len(parts) <= _MOST or not all(route.destination for route in routes):
        return ()
    fresh = Trip(needed=trip.needed, wanted=True)
    trips = [advance(fresh, read(part), part) for part in parts]
    if len(parts) == 2 and _turns_back(*routes):
        back = Frame(return_date=trips[1].frame.departure_date)
        return (replace(trips[0], frame=trips[0].frame.updated(back)),)
    if len({(route.origin, route.destination) for route in routes}) < len(parts):
        return ()
    shared = Frame()
    for each in reversed(trips):
        shared = shared.updated(replace(each.frame, return_date=None, destination=None))
    made: list[Trip] = []
    for each, link in zip(trips, ["", *links], strict=True):
        start = {"origin": made[-1].frame.destination} if made and _GOES_ON.search(link) else {}
        frame = replace(shared, **start).updated(each.frame)  # type: ignore[arg-type]
        made.append(replace(each, frame=frame))
    return () if any(each.missing for each in made) else tuple(made)


def _turns_back(there: Route, route: Route) -> bool:
    return route.origin == there.destination and route.destination == there.origin
