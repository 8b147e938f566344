"""What the offline model knows of the world's places: whether words name one, how important it is, and its name."""

from __future__ import annotations

from functools import cache, lru_cache

from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import find_place
from travelbuddy.flights.directory import directory, fold

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
        return find_place(text).airports[0].rank
    except ToolError as problem:
        return 1 if problem.kind == "ambiguous_place" else None


def might_be_place(text: str) -> bool:
    """False when some word occurs in no name at all; spares the costly search for names that are close."""
    return len(text) <= MAX_NAME_CHARS and all(word in _place_words() for word in fold(text).split())


@cache
def _place_words() -> frozenset[str]:
    known = directory()
    names = [*known.cities, *known.aliases, *known.countries, *known.regions]
    return frozenset(word for name in names for word in name.split()) | known.words.keys()


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
