"""Pairs of places without words between them: "OSL-CDG", "bos den", "tampa 2 cleveland" become "from to"."""

from __future__ import annotations

from dataclasses import dataclass

from travelbuddy.offline.cues import MOVE
from travelbuddy.offline.place_names import COMMON, Names
from travelbuddy.offline.text import words

_TO = words("- 2")
_LONG_ENOUGH = 5


@dataclass
class Pairs(Names):
    """The tokens, in which such pairs are written out."""

    def write_out(self) -> None:
        """All of it, in place."""
        self.split_pairs()
        self.small_codes()
        self.dashes()

    def split_pairs(self) -> None:
        """``OSL-CDG`` and ``Oslo-Rome`` become the three tokens of "from to"."""
        tokens: list[str] = []
        for token in self.tokens:
            halves = token.split("-")
            pair = len(halves) == 2 and not self.looks_up(token) and all(map(self.looks_up, halves))
            tokens += [halves[0], "to", halves[1]] if pair else [token]
        self.tokens = tokens

    def small_codes(self) -> None:
        """Two codes in small letters side by side, or with "to" between, are codes: "bos den", "sfo to sea"."""
        for at in range(len(self.tokens)):
            for between in (0, 1):
                to = at + 1 + between
                joined = between == 0 or self.low(at + 1) in {"to", "-", "/", "2"}
                if to < len(self.tokens) and joined and self.is_small_code(at) and self.is_small_code(to):
                    self.tokens[at], self.tokens[to] = self.tokens[at].upper(), self.tokens[to].upper()
                    self.tokens[at + 1 : to] = ["to"] * between

    def dashes(self) -> None:
        """A dash or a "2" between two names is "to", however they are spelled."""
        for at, mark in enumerate(self.tokens[:-1]):
            if not at or mark not in _TO or self.low(at + 1) in COMMON or not self.named(at + 1):
                continue
            if self.named(at - 1) or (mark == "2" and self.low(at - 1) in MOVE | {"home", "back"}):
                self.tokens[at] = "to"

    def named(self, position: int) -> bool:
        """True for a word that is a well-served place, or one misspelled."""
        if not self.tokens[position].isalpha():
            return False
        return bool(self.known_name(position, rank=2)[0] or self.mistake(position, longer_than=_LONG_ENOUGH - 1))

    def mistake(self, position: int, *, longer_than: int = _LONG_ENOUGH) -> tuple[str, int] | None:
        """A misspelled city; a word in small letters has to be long, and none of those that precede "to"."""
        word = self.tokens[position]
        if word.islower() and (len(word) <= longer_than or word in MOVE or word.endswith("ing")):
            return None
        return self.misspelled(position)

    def is_small_code(self, position: int) -> bool:
        """True for three small letters that are a large airport's code and no common word."""
        word = self.tokens[position]
        return word.islower() and len(word) == 3 and word not in COMMON and self.looks_up(word, 2)
