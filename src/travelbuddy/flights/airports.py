"""Which place a traveller means: codes, cities, airport names, "City, Country" and "City, ST" forms.

One rule settles names that exist many times. Airports of one name within 100 km of each other, or in one
metropolitan area, are one city; a city is as important as its most important airport (``Airport.rank``).
The most important city is taken when it dominates: no other has more than a small airport, or it is two ranks
above all others. Otherwise we ask.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from travelbuddy.errors import ToolError
from travelbuddy.flights.directory import Airport, Place, city_names, directory, distance_km, fold

__all__ = ["Airport", "Place", "airports_for", "distance_km", "find_place", "known_place", "warm"]

MAX_CHARS = 80
_CITY_KM = 100
_SUGGESTIONS = 6
_GENERIC = {"airport", "international", "intl", "airfield", "regional", "the", "of", "any", "all", "a"}
_CODE_AT_END = re.compile(r"\(\s*([A-Za-z]{3})\s*\)\s*$")


def warm() -> None:
    """Loads the tables now, so that no request pays for it."""
    directory()


def airports_for(code: str) -> tuple[Airport, ...]:
    """The airports of an IATA or metropolitan code; ToolError ``unknown_place`` if there is none."""
    place = _by_code(code)
    if place is None:
        raise ToolError("unknown_place", f"{_quoted(code)} is no IATA airport or metropolitan code.")
    return place.airports


def find_place(text: str) -> Place:
    """The place ``text`` means.

    Raises ToolError of kind ``unknown_place`` (suggesting close names) or ``ambiguous_place`` (suggesting what
    it could be; also for a country or state, with its main airports). Suggestions can be found again.
    """
    if not (fold(text) if len(text) <= MAX_CHARS else ""):
        raise ToolError("unknown_place", f"{_quoted(text)} names no place; give a city or an IATA code.")
    place = known_place(text)
    if place is None:
        close = _close_to(text.strip())
        raise ToolError("unknown_place", f"No airport is known for {_quoted(text)}.", suggestions=close)
    return place


def known_place(text: str) -> Place | None:
    """The place that ``text`` means; None, at once and without a suggestion, where it means none.

    Raises ToolError ``ambiguous_place`` as ``find_place`` does.
    """
    folded = fold(text) if len(text) <= MAX_CHARS else ""
    if not folded:
        return None
    written = text.strip()
    codes_allowed = folded not in _GENERIC and folded not in directory().countries  # "USA" is not Concord
    place = (
        (_by_code(written) if codes_allowed else None)
        or _by_code_in_brackets(written)
        or _by_alias(folded)
        or _by_city(folded)
        or _by_qualified_city(written)
        or (_by_code(written.upper()) if codes_allowed else None)
    )
    if place is None:
        _refuse_region(folded)
        place = _by_airport_name(folded)
    return place


def _by_code(code: str) -> Place | None:
    known = directory()
    if code in known.metros:
        return known.metros[code]
    return _airport(known.airports[code]) if code in known.airports else None


def _by_code_in_brackets(text: str) -> Place | None:
    match = _CODE_AT_END.search(text)
    return _by_code(match[1].upper()) if match else None


def _by_alias(name: str) -> Place | None:
    """Another name of a city, or of one of the airports of a metropolitan area."""
    code, known = directory().aliases.get(name, ""), directory()
    if code in known.metros or code in known.metro_of:
        return _by_code(code)
    return _city(known.airports[code], name) if code else None


def _by_city(name: str) -> Place | None:
    candidates = directory().cities.get(name, ())
    country = directory().countries.get(name)
    cities = _cities(candidates)
    if country is not None and not any(city.country == country and city.rank for city in cities):
        return None  # "Italy" is the country, not a village elsewhere
    if not cities or (_is_state(name) and cities[0].rank < 2):
        return None
    return _choose(cities, name)


def _by_qualified_city(text: str) -> Place | None:
    """Reads "Paris, Texas", "Paris, Ile-de-France, France" and, without commas, "paris texas"."""
    parts = [folded for part in text.split(",") if (folded := fold(part))]
    words = fold(text).split()
    splits = [(parts[0], parts[1:])] if len(parts) > 1 else []
    splits += [(" ".join(words[:i]), [" ".join(words[i:])]) for i in range(len(words) - 1, 0, -1)]
    for name, qualifiers in splits:
        if name not in directory().cities and name not in directory().aliases:
            continue
        if all(qualifier in directory().regions for qualifier in qualifiers) and (
            cities := [city for city in _named(name) if all(_lies_in(city, each) for each in qualifiers)]
        ):
            return _choose(_cities(cities), name)
    return None


def _named(name: str) -> Iterable[Airport]:
    alias = _by_alias(name)
    return [*directory().cities.get(name, ()), *(alias.airports if alias else ())]


def _lies_in(airport: Airport, qualifier: str) -> bool:
    meant = directory().regions[qualifier]
    return (airport.country, None) in meant or (airport.country, airport.region) in meant


def _is_state(name: str) -> bool:
    return len(name) > 3 and any(region for _, region in directory().regions.get(name, ()))


def _by_airport_name(folded: str) -> Place | None:
    """The airport whose name, city and code together hold every telling word of the text."""
    telling = [word for word in folded.split() if word not in _GENERIC]
    sets = [set(directory().words.get(word, "").split()) for word in telling]
    codes = set.intersection(*sets) if sets else set()
    found = [directory().airports[code] for code in codes]
    cities = _cities(found)
    if not cities or (not cities[0].rank and len(cities) > _SUGGESTIONS):
        return None
    place = _choose(cities, " ".join(telling))
    alone = sum(_one_city(airport, cities[0]) for airport in found) == 1
    return _airport(cities[0]) if alone else place


def _airport(airport: Airport) -> Place:
    return Place(airport.code, airport.name, airport.country, (airport,), airport.tz)


def _cities(airports: Iterable[Airport]) -> list[Airport]:
    """The main airport of each city among ``airports``, the most important city first."""
    heads: list[Airport] = []
    for airport in sorted(airports, key=lambda each: (-each.rank, each.code)):
        if not any(_one_city(airport, head) for head in heads):
            heads.append(airport)
    return heads


def _one_city(a: Airport, b: Airport) -> bool:
    metro = directory().metro_of.get(a.code)
    return (metro is not None and b in metro.airports) or distance_km(a, b) <= _CITY_KM


def _choose(cities: list[Airport], name: str) -> Place:
    first = cities[0].rank
    second = max((city.rank for city in cities[1:]), default=-1)
    if second < 0 or (first > second and (second <= 1 or first - second >= 2)):
        return _city(cities[0], name)
    raise ToolError(
        "ambiguous_place",
        f"{_quoted(name.title())} could be several places; ask which one is meant.",
        suggestions=_labels(_city(city, name) for city in cities),
    )


def _city(airport: Airport, name: str = "") -> Place:
    """The metropolitan area of that (folded) name, or by default of the airport's city; else the airport."""
    metro = directory().metro_of.get(airport.code)
    if metro is not None and fold(metro.name) in {name, *city_names(airport.city)}:
        return metro
    return Place(airport.code, airport.city, airport.country, (airport,), airport.tz)


def _labels(places: Iterable[Place]) -> tuple[str, ...]:
    """Suggestions, with the region where a name occurs twice in one country."""
    chosen = list(dict.fromkeys(places))[:_SUGGESTIONS]
    names = [(place.name, place.country) for place in chosen]
    return tuple(
        place.label
        if names.count((place.name, place.country)) == 1
        else f"{place.name}, {place.airports[0].region}, {place.country} ({place.code})"
        for place in chosen
    )


def _refuse_region(folded: str) -> None:
    """Raises when the text is a country or a state: an airport cannot be guessed from that."""
    meant = directory().regions.get(folded, set())
    if not meant or len(folded) < 3:
        return
    everywhere = directory().airports.values()
    inside = sorted((a for a in everywhere if a.rank and _lies_in(a, folded)), key=lambda each: -each.rank)
    if inside:
        raise ToolError(
            "ambiguous_place",
            f"{_quoted(folded.title())} is a country or region; name a city there.",
            suggestions=_labels(_city(city) for city in _cities(inside[:24])),
        )


def _close_to(text: str) -> tuple[str, ...]:
    known = directory()
    names = {name for name, airports in known.cities.items() if any(each.rank for each in airports)}
    close = difflib.get_close_matches(
        fold(text.split(",")[0])[:40], sorted(names | known.aliases.keys()), n=3, cutoff=0.7
    )
    return _labels(_city(_cities(_named(name))[0], name) for name in close)


def _quoted(text: str) -> str:
    """The text as a message may show it: short, and without what cannot be printed or encoded."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:40])
    return f"'{shown}{'…' if len(text) > 40 else ''}'"
