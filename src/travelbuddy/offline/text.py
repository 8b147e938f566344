"""Text as the rules see it: bounded, tidied, and used up piece by piece so that no word is read twice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from travelbuddy.offline.letters import message_itself

EXAMINED_CHARS = 1_600  # keeps every rule's cost bounded
_BEGINNING = 1_000  # of a longer message; the rest is its end, where people come to the point
USED = " | "  # stands where a rule has taken its words; no rule reads across it

_SAME = str.maketrans({"’": "'", "‘": "'", "`": "'", "–": " - ", "—": " - ", "−": "-", "“": '"', "”": '"', "|": " "})
_ARROW = re.compile(r"[-=]{0,3}(?:>|→|➔|➜|⇒|✈️?)|(?<=[A-Z]{3})/(?=[A-Z]{3}\b)")
_QUOTED = re.compile(r"(?m)^[ \t]*(?:>[ \t]?)+")  # the marks before the lines of a quoted message
_REGION = re.compile(r" \((?:the |in )?([A-Z][a-z]+(?: [A-Z][a-z]+)?|[A-Z]{2})(?: one)?[!?.]?\)")  # "Athens (Greece)"
_SPELLED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {word: value for value, word in enumerate(_SPELLED)} | {"a": 1, "an": 1}
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
COUNT = rf"(?:\d{{1,3}}|{'|'.join(_SPELLED)})"
NUMBER = rf"(?:{COUNT}|an?)"


def words(text: str) -> frozenset[str]:
    """The words of a list written as running text."""
    return frozenset(text.split())


def labelled(table: dict[str, str], prefix: str = "") -> str:
    """Alternatives in which the group that matched names its row of the table."""
    return "(?:" + "|".join(f"(?P<{prefix}{label}>{words})" for label, words in table.items()) + ")"


def tidy(text: str) -> str:
    """The beginning and the end of ``text`` with plain quotes and dashes, arrows as " to ", and single spaces."""
    if len(text) > EXAMINED_CHARS:
        text = f"{text[:_BEGINNING]}{USED}{text[_BEGINNING - EXAMINED_CHARS + len(USED) :]}"
    plain = unicodedata.normalize("NFKC", text).translate(_SAME)[:EXAMINED_CHARS]
    quoted = message_itself(_QUOTED.sub("", plain))
    return " ".join(_ARROW.sub(" to ", _REGION.sub(r", \1", quoted)).split())[:EXAMINED_CHARS]


def sendable(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair, which UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()


def number(words: str) -> int:
    """The value of something that matched ``NUMBER`` or ``COUNT``."""
    low = words.lower()
    return int(low) if low.isdecimal() else _NUMBERS[low]


class Remainder:
    """A message of which parts have been understood already; those parts are gone from ``text``."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first match, removed from the text."""
        found = pattern.search(self.text)
        if found:
            self.cut(found.start(), found.end())
        return found

    def take_all(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """Every match, in order, removed from the text; their positions are those before the removal."""
        found = list(pattern.finditer(self.text))
        self.cut_all(found)
        return found

    def cut_all(self, found: Sequence[re.Match[str]]) -> None:
        """Remove what was found, of matches in the text as it is."""
        for match in reversed(found):
            self.cut(match.start(), match.end())

    def cut(self, start: int, end: int) -> None:
        """Remove a span."""
        self.text = self.text[:start] + USED + self.text[end:]
