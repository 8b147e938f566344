"""Where from and where to: cue words such as "to" and "from", and the place names that follow them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice

from travelbuddy.offline.gazetteer import is_place, might_be_place
from travelbuddy.offline.text import words

MAX_NAME_WORDS = 4
MAX_LOOKUPS = 10  # look-ups spent on one sentence beyond those that a word list answers; each may cost 4 ms

_TOKEN = re.compile(r"[^\W_]+(?:['.-][^\W_]+)*|[^\w\s]")
_CUES = {
    **dict.fromkeys(words("to into towards toward visit visiting reach reaching destination"), "destination"),
    **dict.fromkeys(words("from leaving departing ex origin"), "origin"),
    **dict.fromkeys(words("about in try"), "loose"),
}
_FOR_MEANS_TO = words(
    "leave leaving leaves depart departing heading headed head bound flight flights ticket tickets trip"
)
_TRAVEL = words("flight flights fly flying trip ticket tickets travel traveling travelling from")
_MOVE = _TRAVEL | words("go going get getting head heading headed")
_FILLER = words("the city of airport is be town my home area")
_ENDS_NAME = words("on at with for and or please instead by via then but if when that this") | _CUES.keys()
_COMMON = words(
    """
    a about able again all also am an and another any anything anyone anywhere are around as ask at
    available away back bag bags be been best better big book booking budget business but buy by call
    can cancel cheap cheapest check class come coming could day days did direct do does done don't down
    each early economy else end every fare fares fast few find fine first flight flights fly flying for
    free friend friends from fun get getting give go going good great had has have he hello help her
    here hey hi him his hotel hour hours how i i'd i'll i'm i've if in instead into is it it's its just
    keep know last late later leave leaving less let let's like list look looking lot made make many may
    maybe me mean more morning most mr mrs much must my myself name need never next night no nope
    not nothing now number of off ok okay on one only open option options or order other our out over
    own pay people plan please possible prefer price put quick rather really remember return right round
    said same say search seat see set she should show side since so some someone something somewhere
    soon sort start still stop stops such sure take tell than thank thanks that that's the their them
    then there these they thing think this those ticket tickets time to today together too tour travel
    traveling travelling trip try two under up us use very visit want was way we week well were what
    what's when where which while who why will win wish with work would yeah yep yes yet you your
    """
)
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
    scan = _Scan(_TOKEN.findall(text))
    scan.split_pairs()
    scan.cued()
    if not scan.roles.get("destination"):
        scan.uncued()
    elif not scan.roles.get("origin"):
        scan.before_destination()
    return Route(scan.roles.get("origin"), scan.roles.get("destination"), scan.roles.get("loose"))


def leading_place(text: str) -> tuple[str | None, int]:
    """The place that ``text`` begins with, e.g. what follows "I live in", and how many characters it takes."""
    found = list(islice(_TOKEN.finditer(text), 2 * MAX_NAME_WORDS + 2))
    scan = _Scan([token.group() for token in found])
    name, end = scan.name_at(scan.skip_filler(0), trusted=True)
    return name, found[end - 1].end() if name else 0


@dataclass
class _Scan:
    """One pass over the tokens; ``roles`` collects the names found."""

    tokens: list[str]
    roles: dict[str, str] = field(default_factory=dict)
    lookups: int = 0
    destination_cue: int = -1

    def low(self, position: int) -> str:
        return self.tokens[position].lower() if 0 <= position < len(self.tokens) else ""

    def split_pairs(self) -> None:
        """``OSL-CDG`` and ``Oslo-Rome`` become the three tokens of "from to"."""
        tokens: list[str] = []
        for token in self.tokens:
            halves = token.split("-")
            pair = len(halves) == 2 and not self.looks_up(token) and all(map(self.looks_up, halves))
            tokens += [halves[0], "to", halves[1]] if pair else [token]
        self.tokens = tokens

    def cued(self) -> None:
        """Names that follow a cue; the last one said wins."""
        position = 0
        while position < len(self.tokens):
            role = self.cue(position)
            if role is None:
                position += 1
                continue
            previous = self.low(position - 1)
            name, end = self.name_at(
                self.skip_filler(position + 1),
                trusted=role != "loose" and (previous in _TRAVEL or self.low(position) in {"from", "destination"}),
                short_words=previous in _MOVE or role != "destination" or position == 0,
            )
            if name:
                self.roles[role] = name
                self.destination_cue = position if role == "destination" else self.destination_cue
            position = max(end, position + 1)

    def uncued(self) -> None:
        """Names that stand alone: one is loose, two in a row are "from" and "to".

        Small letters make a name only of a well-served place, in a short message.
        """
        short = sum(token[0].isalnum() for token in self.tokens) <= MAX_NAME_WORDS
        found: list[tuple[str, int, int]] = []
        position = 0
        while position < len(self.tokens) and len(found) < 2:
            word, name, end = self.tokens[position], None, position
            if not word.islower() or (short and word not in _ALSO_WORDS):
                name, end = self.known_name(position, rank=2 if word.islower() and len(self.tokens) > 1 else 1)
            if name:
                found.append((name, position, end))
            position = max(end, position + 1)
        if not found:
            return
        adjacent = len(found) == 2 and self.tokens[found[0][2] : found[1][1]] in ([], ["-"])
        if adjacent and not self.roles.get("origin"):
            self.roles.update(origin=found[0][0], destination=found[1][0])
        elif found[0][0] != self.roles.get("origin"):
            self.roles.setdefault("loose", found[0][0])
        elif len(found) == 2:
            self.roles.setdefault("loose", found[1][0])

    def before_destination(self) -> None:
        """In "Oslo to Rome" the name right before the cue is where the trip starts."""
        for start in range(max(0, self.destination_cue - MAX_NAME_WORDS), self.destination_cue):
            name, end = self.known_name(start)
            if name and end == self.destination_cue:
                self.roles["origin"] = name
                return

    def cue(self, position: int) -> str | None:
        word = self.low(position)
        if word == "for" and self.low(position - 1) in _FOR_MEANS_TO:
            return "destination"
        if word == "of" and self.low(position - 1) == "out":
            return "origin"
        return _CUES.get(word)

    def skip_filler(self, position: int) -> int:
        while self.low(position) in _FILLER:
            position += 1
        return position

    def name_at(self, start: int, *, trusted: bool, short_words: bool = True) -> tuple[str | None, int]:
        """The place name that begins at ``start`` and the position after it.

        ``trusted``: a name unknown to the airports counts too. Without ``short_words`` a lower-case word of up
        to three letters is a verb ("to see"), not an airport code.
        """
        word = self.tokens[start] if start < len(self.tokens) else ""
        name, end = self.known_name(start, rank=int(word.islower() and not trusted))
        if name and (short_words or not name.islower() or len(name) > 3):
            return name, end
        end = start
        while end < min(len(self.tokens), start + MAX_NAME_WORDS) and self.tokens[end][0].isupper():
            end += 1
        if end == start and trusted and word.isalpha() and word not in _COMMON | _ENDS_NAME:
            end = start + 1
        if end == start or (end == start + 1 and word.lower() in _COMMON):
            return None, start
        return " ".join(self.tokens[start:end]), end

    def known_name(self, start: int, *, rank: int = 0) -> tuple[str | None, int]:
        """The longest run of words from ``start`` that the airports know, with a ", region" if that is one."""
        end = start
        while end < min(len(self.tokens), start + MAX_NAME_WORDS) and self.in_name(end):
            end += 1
        while end > start and self.low(start) not in _COMMON:
            name = " ".join(self.tokens[start:end])
            if self.low(end - 1) not in _COMMON and self.looks_up(name, rank):
                return self.with_region(name, end)
            end -= 1
        return None, start

    def in_name(self, position: int) -> bool:
        token = self.tokens[position]
        return token[0].isalpha() and token.lower() not in _ENDS_NAME

    def with_region(self, name: str, end: int) -> tuple[str, int]:
        """The name with its region ("Portland, OR", "Paris, France") when the airports agree."""
        if self.low(end) == ",":
            for stop in (end + 3, end + 2):
                region = self.tokens[end + 1 : stop]
                if region and all(word[0].isupper() or len(word) > 3 for word in region):
                    longer = f"{name}, {' '.join(region)}"
                    if self.looks_up(longer):
                        return longer, stop
        return name, end

    def looks_up(self, name: str, rank: int = 0) -> bool:
        """True when ``name`` is a place of at least that importance."""
        if not might_be_place(name):
            return False
        self.lookups += 1
        return self.lookups <= MAX_LOOKUPS and is_place(name, rank=rank)
