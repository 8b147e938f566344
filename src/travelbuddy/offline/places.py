"""Where from and where to: cue words such as "to" and "from", and the place names that follow them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from travelbuddy.offline.cues import BACK, FILLER, MOVE, NOT, TRAVEL, WEAK
from travelbuddy.offline.gazetteer import is_city, only_a_code, same_city
from travelbuddy.offline.place_cues import BETWEEN, Cued
from travelbuddy.offline.place_names import MAX_NAME_WORDS, TOKEN
from travelbuddy.offline.text import words

_NEAR_END = 120  # how far back a place is looked for that is taken back
_ENDS = frozenset(".?!;")
_AND = words("and to")
_ALSO_WORDS = words("nice mobile reading bath split cork orange male deal most enterprise")


@dataclass(frozen=True)
class Route:
    """The places of one sentence, in the user's own words; ``loose`` is one without a "to" or "from"."""

    origin: str | None = None
    destination: str | None = None
    loose: str | None = None


def read_route(text: str) -> Route:
    """The places of the sentence.

    A name after a clear cue counts even when no airport has it, so that the search tool can say so.
    """
    scan = _Scan(TOKEN.findall(text))
    scan.write_out()
    scan.cued()
    scan.bound()
    if not scan.roles.get("destination"):
        scan.before_origin()
    if not scan.roles.get("destination"):
        scan.uncued()
    elif not scan.roles.get("origin"):
        scan.before_destination()
    return Route(scan.roles.get("origin"), scan.roles.get("destination"), scan.roles.get("loose"))


def leading_place(text: str, *, known: bool = False) -> tuple[str | None, int]:
    """The place that ``text`` begins with, e.g. what follows "I live in", and how many characters it takes.

    ``known``: only one that the airports have.
    """
    found = list(islice(TOKEN.finditer(text), 2 * MAX_NAME_WORDS + 2))
    scan = _Scan([token.group() for token in found])
    start = scan.skip_filler(0)
    name, end = scan.known_name(start, rank=1) if known else scan.name_at(start, trusted=True)
    return name, found[end - 1].end() if name else 0


def last_place(text: str) -> tuple[int, int] | None:
    """Where the last place of the text stands that the airports have; None where there is none."""
    found = list(TOKEN.finditer(text[-_NEAR_END:]))
    scan, offset = _Scan([token.group() for token in found]), max(0, len(text) - _NEAR_END)
    for start in reversed(range(len(found))):
        first = start
        while first and scan.known_name(first - 1, rank=1)[1] > start:
            first -= 1
        name, end = scan.known_name(first, rank=1)
        if name and end > start and not scan.is_word(name):
            return offset + found[first].start(), offset + found[end - 1].end()
    return None


class _Scan(Cued):
    """One pass over the tokens."""

    def cued(self) -> None:
        """Names that follow a cue; the last one said wins."""
        position = 0
        while position < len(self.tokens):
            role = self.cue(position)
            if role is None:
                position += 1
                continue
            previous, word = self.low(position - 1), self.low(position)
            name, end = self.name_at(
                self.name_start(position + 1),
                trusted=self.low(position + 1) not in FILLER
                and role != "loose"
                and word not in WEAK
                and (previous in TRAVEL or word in {"from", "destination"}),
                lenient=word in {"to", "from"},
                short_words=previous in MOVE
                or role != "destination"
                or position == 0
                or "origin" in self.roles
                or self.named(position - 1),
                paired=role == "destination" and position == self.origin_end,
            )
            if (
                name
                and not self.way_back(role, name, position)
                and not (word in WEAK and name.islower() and len(name) <= 3)
            ):
                self.note(role, name, position, end)
            position = max(end, position + 1)

    def way_back(self, role: str, name: str | None, position: int) -> bool:
        """True for an end of the way back: "back to Oslo", "back from Rome" after "to Rome", "back on | from Nice"."""
        if "destination" not in self.roles:
            return False
        if self.low(position - 1) in BACK:
            return role != "origin" or same_city(name, self.roles["destination"])
        since = range(max(self.destination_cue, self.origin_end), position)
        return role == "origin" and "origin" in self.roles and any(self.low(at) in BACK for at in since)

    def note(self, role: str, name: str, position: int, end: int) -> None:
        """Keep a name; a second origin is where the way back starts, if nothing else says where that is."""
        if (
            role == "origin"
            and "origin" in self.roles
            and "destination" not in self.roles
            and self.again(position, name)
        ):
            role = "destination"
        said_before = same_city(name, self.roles[role]) if role in self.roles else False
        self.roles[role] = name
        if role == "destination" and not said_before:
            self.destination_cue = position
        elif role == "origin":
            self.origin_cue, self.origin_end = position, end
        self.between(position, end)

    def again(self, position: int, name: str) -> bool:
        """True for an origin after another, both with "from"; else the later one is the better reading."""
        two = self.low(position) == self.low(self.origin_cue) == "from" and "and" in map(str.lower, self.tokens)
        return two and not same_city(name, self.roles["origin"])

    def before_origin(self) -> None:
        """In "Cancun from Dallas" the name right before the cue is where the trip ends."""
        for start in range(max(0, self.origin_cue - MAX_NAME_WORDS), self.origin_cue):
            name, end = self.known_name(start, rank=1 + self.tokens[start].islower())
            if name and end == self.origin_cue and self.low(end) in {"from", "out"} and not self.is_word(name):
                self.roles["destination"] = name
                return

    def bound(self) -> None:
        """In "Portland, OR bound" the name before the word is where the trip ends."""
        for position in (at for at in range(1, len(self.tokens)) if self.low(at) == "bound"):
            for start in range(max(0, position - MAX_NAME_WORDS - 1), position):
                name, end = self.known_name(start, rank=1)
                if name and end == position:
                    self.roles["destination"] = name
                    return

    def between(self, position: int, end: int) -> None:
        """In "between Oslo and Rome" the name after "and" is where the trip ends."""
        if self.low(position) == BETWEEN and self.low(end) in _AND:
            name, _ = self.name_at(self.skip_filler(end + 1), trusted=True)
            if name:
                self.roles["destination"] = name

    def uncued(self) -> None:
        """Names that stand alone: one is loose, two in a row are "from" and "to".

        Small letters make a name only of a well-served place, in a short message or first sentence.
        """
        ends = [at for at, token in enumerate(self.tokens) if token in _ENDS and at]
        counted = [at for at, token in enumerate(self.tokens) if token[0].isalnum()]
        short = next(
            (end for end in (len(self.tokens), *ends[:1]) if sum(at < end for at in counted) <= MAX_NAME_WORDS), 0
        )
        found: list[tuple[str, int, int]] = []
        position = 0
        while position < len(self.tokens) and len(found) < 2:
            name, end = self.alone(position, short=position < short)
            if name:
                found.append((name, position, end))
            position = max(end, position + 1)
        if not found:
            return
        adjacent = len(found) == 2 and self.tokens[found[0][2] : found[1][1]] in ([], ["-"], ["/"])
        if adjacent and not self.roles.get("origin"):
            self.roles.update(origin=found[0][0], destination=found[1][0])
        elif found[0][0] != self.roles.get("origin"):
            self.roles.setdefault("loose", found[0][0])
        elif len(found) == 2:
            self.roles.setdefault("loose", found[1][0])

    def alone(self, position: int, *, short: bool) -> tuple[str | None, int]:
        """The place that stands there without a cue, and the position after it."""
        word, one, name, end = self.tokens[position], len(self.tokens) == 1, None, position
        if not word.islower() or (short and word not in _ALSO_WORDS):
            name, end = self.known_name(position, rank=1 if one or not word.islower() else 2)
        if name and word.islower() and not is_city(name):
            name = None
        if not name and (self.low(position + 1) in {"instead", "rather"} or (one and word.isalpha())):
            name, end = self.misspelled(position) or (None, position)
        either = self.low(position - 1) == "or" and position - 1 == self.origin_end  # "from Birmingham or Gatwick"
        if not name or either or self.denied(position) or (not one and self.is_word(name)):
            return None, end
        return name, end

    def denied(self, position: int) -> bool:
        """True for the place that it should not be: "not LA", "rather than LA", "instead of LA"."""
        before = [self.low(position - back) for back in (1, 2, 3)]
        return (
            before[0] in {*NOT, "was"} or before[:2] == ["of", "instead"] or (before[0] == "from" and before[1] in NOT)
        )

    def before_destination(self) -> None:
        """In "Oslo to Rome" the name right before the cue is where the trip starts."""
        for start in range(max(0, self.destination_cue - MAX_NAME_WORDS), self.destination_cue):
            name, end = self.known_name(start)
            if name and self.destination_cue in {end, end + (self.low(end) == ".")} and not self.is_word(name):
                self.roles["origin"] = name
                return
            if (meant := self.mistake(start)) and meant[1] == self.destination_cue:
                self.roles["origin"] = meant[0]
                return

    def is_word(self, name: str) -> bool:
        """True for what is a place by its code alone and is not written as one: "got", "Got"."""
        both_small = name.islower() and str(self.roles.get("destination")).islower()
        return not name.isupper() and not both_small and only_a_code(name)
