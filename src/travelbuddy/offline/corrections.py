"""What someone takes back in the same breath: "to Boston, no wait, Chicago" becomes "to Chicago"."""

from __future__ import annotations

import re

from travelbuddy.offline.day_words import DATE, NAMES_A_MONTH
from travelbuddy.offline.near_days import near
from travelbuddy.offline.places import last_place, leading_place, read_route
from travelbuddy.offline.text import COUNT

_MOST = 3  # corrections followed in one message
_WORD = (
    r"(?:no|nope|(?-i:oh|Oh)|wait|hold on|hang on|sorry|oops|ups|scratch that|strike that|rather|i mean|i meant"
    r"|actually|correction|my mistake|my bad|let's say|well|make it|make that|not that|that's wrong|it's|should be"
    r"|excuse me|pardon)"
)
_TAKEN_BACK = re.compile(
    rf"[\s,.;:?!-]{{0,6}}(?:\bor )?\b{_WORD}\b(?:[\s,.;:?!-]{{1,6}}{_WORD}\b)*[\s,.;:?!-]{{1,6}}(?:(?:to|on|from|for"
    rf"|the|at) )*",
    re.I,
)
_PLAIN_NO = re.compile(r"^[\s,.;:?!-]{0,6}(?:no|nope|well|it's|oh)[\s,.;:?!-]{0,6}$", re.I)
"""Too little to take something back in the middle of a sentence, unless a comma stands before it."""
_SUM = re.compile(
    r"(?:[$€£] ?)?\b\d{2,6}\b(?! ?(?:st|nd|rd|th|am|pm|:|/))(?: ?(?:dollars?|bucks|euros?|pounds?|usd|eur|gbp|[$€£]))?",
    re.I,
)
_CABIN = re.compile(r"\b(?:premium economy|economy|business|first)(?: class)?\b", re.I)
_HEADS = re.compile(
    rf"\b(?:(?P<are>we're |we are |for |there are )?)(?P<n>{COUNT})(?= (?:tickets?|seats?|people|persons?|passengers?"
    rf"|adults?|of us|travell?ers?)\b|$|[,.;])",
    re.I,
)
_ALSO_HEADS = re.compile(
    rf"(?P<n>{COUNT})(?: (?:people|tickets?|of us|passengers?|seats?))?(?= ?(?:$|[,.;!]|with|please))", re.I
)


_ANOTHER_PAIR = re.compile(r" ?(?:to\b|-)")


def settled(text: str) -> str:
    """The text in which each thing that was taken back is replaced by what was put in its place.

    Only like replaces like: a day a day, a place a place, a price a price, a number of people another.
    """
    start = 0
    for _ in range(_MOST):
        found = _TAKEN_BACK.search(text, start)
        if not found:
            break
        before, after = text[: found.start()], text[found.end() :]
        start = found.end()
        if before and not (_PLAIN_NO.match(found.group()) and found.group()[0] not in ",.;-"):
            replaced = _replaced(before, after)
            if replaced is not None:
                text, start = replaced, len(before)
    return text


def _replaced(before: str, after: str) -> str | None:
    """``before`` with its last thing of the kind that ``after`` begins with replaced by that one, and the rest."""
    for spans in (_days, _sums, _heads, _cabins, _places):
        if (pair := spans(before, after)) is not None:
            (start, end), length = pair
            return f"{before[:start]}{after[:length]}{before[end:]}{after[length:]}"
    return None


_Pair = tuple[tuple[int, int], int]


def _days(before: str, after: str) -> _Pair | None:
    new, old = DATE.match(after), _last(DATE, before)
    if not new or not old or (near(new.group()) and NAMES_A_MONTH.search(old.group())):
        return None  # "the 10th of June, no, the 11th" needs the month of the day before
    return (old.start(), old.end()), new.end()


def _sums(before: str, after: str) -> _Pair | None:
    new, old = _SUM.match(after), _last(_SUM, before)
    return ((old.start(), old.end()), new.end()) if new and old else None


def _heads(before: str, after: str) -> _Pair | None:
    new, old = _ALSO_HEADS.match(after), _last(_HEADS, before)
    return ((old.start("n"), old.end("n")), new.end("n")) if new and old else None


def _cabins(before: str, after: str) -> _Pair | None:
    new, old = _CABIN.match(after), _last(_CABIN, before)
    return ((old.start(), old.end()), new.end()) if new and old else None


def _places(before: str, after: str) -> _Pair | None:
    name, length = leading_place(after, known=True)
    if name and _ANOTHER_PAIR.match(after, length) and read_route(before).destination:
        return None  # "Rome to Paris? Make that Rome to Lyon" is told anew
    old = last_place(before) if name else None
    return (old, length) if old else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return max(pattern.finditer(text), key=lambda found: found.start(), default=None)
