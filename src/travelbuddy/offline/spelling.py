"""Spelling mistakes: the one known word that a written one is close to.

Close means one letter left out, put in, changed or swapped with its neighbour, or two such in a long word. Candidates
are found by the words that are left when letters are taken out, on both sides (the symmetric delete method,
https://github.com/wolfgarbe/SymSpell), so that a look costs the same however many words are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from travelbuddy.offline.text import words

SHORTEST = 5
LONG = 9
LONGEST = 24

_KNOWN = """
monday tuesday wednesday thursday friday saturday sunday january february april august september october november
december tomorrow weekend flight flights flying tickets ticket return returning leaving departing depart departure
arriving business economy premium nonstop non-stop direct cheapest passengers passenger people adults children morning
evening afternoon airport airline airlines christmas between before seventh twelfth fastest person
"""
_RIGHT = words(
    """
    light lights slight returned returns departs departed weekends mornings evenings airports directly adult arrived
    airliner beyond mundane eastern western fights sunny premier ticketed departures leave leaves fly mister retain
    thicket wicket sundays mondays fridays passage warning mourning exclude
    """
)
"""Words that only look like mistakes."""


class Speller:
    """Known words in small letters, and the way back to them."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._near: dict[str, set[str]] = {}
        for word in self._known:
            if SHORTEST <= len(word) <= LONGEST:
                for left in _without(word, _reach(word)):
                    self._near.setdefault(left, set()).add(word)

    def correct(self, word: str) -> str | None:
        """The one known word that ``word`` is close to; None where there is none, or several, or it is one itself."""
        closest = self.closest(word)
        return closest[0] if len(closest) == 1 else None

    def closest(self, word: str) -> list[str]:
        """The known words that ``word`` is closest to; none when it is one itself."""
        low = word.lower()
        if low in self._known or not SHORTEST <= len(low) <= LONGEST:
            return []
        near: dict[str, int] = {}
        for left in _without(low, _reach(low)):
            for known in self._near.get(left, ()):
                if known not in near and (steps := distance(low, known)) <= min(_reach(known), _reach(low)):
                    near[known] = steps
        return sorted(known for known, steps in near.items() if steps == min(near.values()))


def distance(one: str, other: str) -> int:
    """How many letters are left out, put in, changed or swapped between the two (optimal string alignment)."""
    before: list[int] = [0] * (len(other) + 1)
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            steps = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                steps = min(steps, before[j - 2] + 1)
            row.append(steps)
        before, last = last, row
    return last[-1]


@lru_cache(maxsize=4_096)  # people mostly use the same words
def corrected_word(word: str) -> str | None:
    """The word of dates and flights that a misspelled one is meant for, or None."""
    return None if word.lower() in _RIGHT else _speller().correct(word)


@cache
def _speller() -> Speller:
    return Speller(_KNOWN.split())


def _reach(word: str) -> int:
    """How many mistakes a word of that length may hold."""
    return 2 if len(word) >= LONG else 1


def _without(word: str, letters: int) -> Iterator[str]:
    """The word, and all that is left of it when up to so many letters are taken out."""
    yield word
    once = {word[:i] + word[i + 1 :] for i in range(len(word))}
    yield from once
    if letters > 1:
        yield from {left[:i] + left[i + 1 :] for left in once for i in range(len(left))}
