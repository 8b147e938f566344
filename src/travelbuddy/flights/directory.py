"""The airports of the world in memory, loaded on first use from ``airportsdata`` and our own tables."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from sys import intern

import airportsdata

from travelbuddy.flights import countries, names, places

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th"})
_ASCII = {code: "" if chr(code) in "'`" else " " for code in range(128) if not chr(code).isalnum()}
_SHORT = {"st": "saint", "ft": "fort", "mt": "mount"}
_EARTH_KM = 6371.0

Region = tuple[str, str | None]
"""A country's ISO code and one of its regions, or None for the whole country."""


@dataclass(frozen=True, slots=True, eq=False)  # each airport is one object; hashing all its fields is slow
class Airport:
    """``rank`` is the importance, 4 (world hub) to 0; ``tz`` an IANA zone; ``unit`` a unit vector."""

    code: str
    name: str
    city: str
    region: str
    country: str
    tz: str
    rank: int
    unit: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to fly from or to; ``airports`` are those a search by ``code`` covers, the main one first."""

    code: str
    name: str
    country: str
    airports: tuple[Airport, ...]
    tz: str

    @property
    def label(self) -> str:
        """Name, country and code, as in "Paris, FR (PAR)"; ``find_place`` reads it back."""
        return f"{self.name}, {self.country} ({self.code})"


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything known, by the keys people use; names are folded (see ``fold``).

    ``words`` gives codes in one string, as in "LCY LHR": most words have one, which then costs no memory.
    """

    airports: dict[str, Airport]
    metros: dict[str, Place]
    metro_of: dict[str, Place]
    cities: dict[str, tuple[Airport, ...]]
    words: dict[str, str]
    aliases: dict[str, str]
    countries: dict[str, str]
    regions: dict[str, set[Region]]


def fold(text: str) -> str:
    """Small letters and digits in single-spaced words without accents, "St." as "saint"."""
    if text.isascii():  # as nearly all names are, and a start folds thirty thousand
        spaced = text.lower().translate(_ASCII)
    else:
        plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
        spaced = "".join(c if c.isalnum() else "" if c in "'’`" else " " for c in plain.translate(_LETTERS))
    return " ".join(_SHORT.get(word, word) for word in spaced.split())


def distance_km(a: Airport, b: Airport) -> int:
    """Great-circle distance in whole kilometres."""
    (ax, ay, az), (bx, by, bz) = a.unit, b.unit
    return round(_EARTH_KM * math.acos(max(-1.0, min(1.0, ax * bx + ay * by + az * bz))))


@cache
def directory() -> Directory:
    """The one directory of this process; the first call takes a fraction of a second."""
    airports = {airport.code: airport for airport in _airports()}
    metros = {
        code: _metro(code, name, country, tuple(airports[each] for each in members.split()))
        for code, (name, country, members) in places.METROPOLITAN.items()
    }
    metro_of = {airport.code: metro for metro in metros.values() for airport in metro.airports}
    lands = {fold(name): code for code, name in _pairs(countries.COUNTRIES)}
    lands |= {name: code for code, name in _pairs(countries.COUNTRY_ALIASES)}
    aliases = dict(_other_names()) | dict(entry.split("=", 1) for entry in _entries(places.ALIASES))
    cities, words = _index(airports, metros)
    return Directory(airports, metros, metro_of, cities, words, aliases, lands, _regions(lands, airports))


def city_names(city: str) -> set[str]:
    """The folded names a city answers to: with and without a closing "Island" or "City"."""
    return _with_and_without_endings(fold(city))


def _with_and_without_endings(name: str) -> set[str]:
    return {name, name.removesuffix(" island"), name.removesuffix(" city")} - {""}


def _airports() -> Iterator[Airport]:
    ranks = {code: rank for rank, codes in places.RANKED.items() for code in codes.split()}
    renamed = dict(_pairs(places.CITIES))
    for code, row in airportsdata.load("IATA").items():
        lat, lon = math.radians(row["lat"]), math.radians(row["lon"])
        yield Airport(
            code=code,
            name=row["name"],
            city=renamed.get(code) or re.split(r"\s*[/,(]", row["city"])[0] or row["name"],
            region=intern(row["subd"]),  # shared by many airports
            country=intern(row["country"]),
            tz=intern(row["tz"]),
            rank=ranks.get(code, 0),
            unit=(math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)),
        )


def _metro(code: str, name: str, country: str, airports: tuple[Airport, ...]) -> Place:
    return Place(code, name, country, airports, airports[0].tz)


def _index(
    airports: dict[str, Airport], metros: dict[str, Place]
) -> tuple[dict[str, tuple[Airport, ...]], dict[str, str]]:
    """Airports by folded city name, and airport codes by every word of name, city and code."""
    cities: dict[str, list[Airport]] = {}
    words: dict[str, list[str]] = {}
    for airport in airports.values():
        city = fold(airport.city)
        for name in _with_and_without_endings(city):
            cities.setdefault(name, []).append(airport)
        for word in set(f"{fold(airport.name)} {city} {airport.code.casefold()}".split()):
            words.setdefault(word, []).append(airport.code)
    for metro in metros.values():
        known = cities.setdefault(fold(metro.name), [])
        known.extend(airport for airport in metro.airports if airport not in known)
        for word in fold(metro.name).split():
            words.setdefault(word, []).extend(airport.code for airport in metro.airports)
    return (
        {name: tuple(airports) for name, airports in cities.items()},
        {word: codes[0] if len(codes) == 1 else " ".join(codes) for word, codes in words.items()},
    )


def _entries(table: str) -> list[str]:
    return [entry for entry in re.split(r"[|\n]", table) if entry]


def _other_names() -> Iterator[tuple[str, str]]:
    for entry in _entries(names.NICKNAMES + names.ENDONYMS):
        code, several = entry.split(": ", 1)
        for name in several.split(", "):
            yield fold(name), code


def _pairs(table: str) -> Iterator[tuple[str, str]]:
    for entry in _entries(table):
        code, name = entry.split(" ", 1)
        yield code, name


def _regions(lands: dict[str, str], airports: dict[str, Airport]) -> dict[str, set[Region]]:
    """What a folded country name, ISO code, region name or state abbreviation means behind a city's name."""
    regions: dict[str, set[Region]] = {}
    for name, country in lands.items():
        regions.setdefault(name, set()).add((country, None))
        regions.setdefault(country.casefold(), set()).add((country, None))
    for airport in airports.values():
        if airport.region:
            regions.setdefault(fold(airport.region), set()).add((airport.country, airport.region))
    for entry in _entries(countries.STATES):
        country, short, name = entry.split(" ", 2)
        regions.setdefault(short.casefold(), set()).add((country, name))
    return regions
