"""What the offline model knows of the world's places: whether words name one, how important it is, and its name."""

from __future__ import annotations

from functools import cache, lru_cache

from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import find_place, known_place
from travelbuddy.flights.directory import directory, fold
from travelbuddy.offline.spelling import Speller

MAX_NAME_CHARS = 60


def is_place(text: str, *, rank: int = 0) -> bool:
    """True when ``text`` names a place, or several, of at least that importance (see ``Airport.rank``)."""
    found = _rank(text)
    return found is not None and found >= rank


@lru_cache(maxsize=4096)
def _rank(text: str) -> int | None:
    """How important the place is (see ``Airport.rank``), 1 when it may be several; None when it is no place."""
    if not might_be_place(text):
        return None
    try:
        place = known_place(text)
    except ToolError:
        return 1
    return place.airports[0].rank if place is not None else None


def might_be_place(text: str) -> bool:
    """False when some word occurs in no name at all; spares the costly search for names that are close."""
    return len(text) <= MAX_NAME_CHARS and all(word in _place_words() for word in fold(text).split())


@cache
def _place_words() -> frozenset[str]:
    known = directory()
    names = [*known.cities, *known.aliases, *known.countries, *known.regions, *map(str.lower, known.metros)]
    return frozenset(word for name in names for word in name.split()) | known.words.keys()


@lru_cache(maxsize=4096)
def corrected(text: str) -> str | None:
    """The well-served city that a misspelled name is close to; None where there is none, or several."""
    close = _speller().closest(fold(text)) if len(text) <= MAX_NAME_CHARS else []
    close.sort(key=lambda name: (name not in directory().cities, name))
    return close[0] if close and all(same_city(close[0], name) for name in close[1:]) else None


@cache
def _speller() -> Speller:
    known = directory()
    cities = (name for name, airports in known.cities.items() if any(airport.rank >= 2 for airport in airports))
    return Speller([*cities, *known.aliases])


def country_in(text: str) -> str | None:
    """The code of the one country that the text names; None where it names none, or several."""
    known = directory().countries
    words = fold(text[:MAX_NAME_CHARS]).split()
    runs = {" ".join(words[at : at + length]) for length in (1, 2, 3) for at in range(len(words))}
    codes = {known[run] for run in runs & known.keys()}
    return codes.pop() if len(codes) == 1 else None


def is_city(text: str) -> bool:
    """True for the whole name or code of a city or an airport; False for a part of some airport's name ("Chek")."""
    known, name = directory(), fold(text)
    return (
        name in known.cities or name in known.aliases or name.upper() in known.metros or name.upper() in known.airports
    )


def only_a_code(text: str) -> bool:
    """True for three letters that are an airport's code and no name of a city."""
    known = directory()
    name = fold(text)
    return len(name) == 3 and name.upper() in known.airports and not (name in known.cities or name in known.aliases)


def titled_code(text: str) -> bool:
    """True for what would be a place by its code alone, but is written as a name: "Got", "San"."""
    return len(text) == 3 and text.istitle() and only_a_code(text)


def same_city(one: str | None, other: str | None) -> bool:
    """True when both name the same city, or airports of it."""
    if not one or not other:
        return False
    try:
        first, second = known_place(one), known_place(other)
    except ToolError:
        return False
    if first is None or second is None:
        return False
    areas = [directory().metro_of.get(place.airports[0].code, place).code for place in (first, second)]
    return areas[0] == areas[1]


def described(code: str) -> str:
    """The place for people to read, as in "Oslo (OSL)"; what is no place's code comes back as it is."""
    try:
        place = find_place(code)
    except ToolError:
        return code
    if place.code != code:
        return code
    only = place.airports[0]
    return f"{only.city if only.code == code and len(place.airports) == 1 else place.name} ({code})"


def capitalized(text: str) -> str:
    """A place written in small letters, with the capitals it should have; a code has nothing else."""
    try:
        is_code = find_place(text).code == text.upper()
    except ToolError:
        is_code = False
    return text.upper() if is_code else text.title()
