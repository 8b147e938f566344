"""The place names among the words of a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from travelbuddy.offline.cues import ENDS_NAME, FILLER
from travelbuddy.offline.gazetteer import corrected, is_place, might_be_place, only_a_code, titled_code
from travelbuddy.offline.text import words

MAX_NAME_WORDS = 4
_SHORTEST_MISTAKE = 5
MAX_LOOKUPS = 24  # look-ups spent on one sentence beyond those that a word list answers

TOKEN = re.compile(r"[^\W_]+(?:['.-][^\W_]+)*|[^\w\s]")
COMMON = words(
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
    husband wife son daughter mom mum dad mother father boss brother sister kids family parents girlfriend boyfriend
    partner colleague colleagues both us everyone everybody northern southern eastern western central national
    memorial county municipal
    home watch meet attend celebrate surprise spend join make work study relax ski surf shop eat drink
    """
)


@dataclass
class Names:
    """The tokens of a sentence, and the names that stand at their positions."""

    tokens: list[str]
    lookups: int = 0

    def low(self, position: int) -> str:
        """The token in small letters; empty beyond the ends."""
        return self.tokens[position].lower() if 0 <= position < len(self.tokens) else ""

    def skip_filler(self, position: int) -> int:
        """The first position from there on that is no filler."""
        while self.low(position) in FILLER:
            position += 1
        return position

    def name_at(
        self, start: int, *, trusted: bool, short_words: bool = True, lenient: bool = False, paired: bool = False
    ) -> tuple[str | None, int]:
        """The place name that begins at ``start`` and the position after it.

        ``trusted``: a name unknown to the airports counts too. Without ``short_words`` a lower-case word of up
        to three letters is a verb ("to see"), not an airport code. ``lenient``: also a short word may be misspelled.
        ``paired``: another place stands right before the cue, so that a small town counts in small letters, too.
        """
        word = self.tokens[start] if start < len(self.tokens) else ""
        name, end = self.known_name(start, rank=int(word.islower() and not trusted and not paired))
        if paired and not trusted and name and name.islower() and only_a_code(name):
            name, end = self.known_name(start, rank=1)
        if name and name.islower() and only_a_code(name) and (meant := self.misspelled(start)) and meant[1] > end:
            return meant  # "san fransisco" is no airport "san"
        if name and (short_words or not name.islower() or len(name) > 3):
            return name, end
        end = start
        while end < min(len(self.tokens), start + MAX_NAME_WORDS) and self.tokens[end][0].isupper():
            end += 1
        if end == start and len(word) > _SHORTEST_MISTAKE - lenient and (meant := self.misspelled(start)):
            return meant
        if end == start and trusted and word.isalpha() and word not in COMMON | ENDS_NAME:
            end = start + 1
        if end == start or (end == start + 1 and word.lower() in COMMON):
            return None, start
        return self.misspelled(start) or (" ".join(self.tokens[start:end]), end)

    def misspelled(self, start: int) -> tuple[str, int] | None:
        """The city that the words from ``start`` are meant for, and the position after them."""
        for length in range(MAX_NAME_WORDS - 1, 0, -1):
            words = self.tokens[start : start + length]
            in_name = all(self.in_name(start + at) and word.lower() not in COMMON for at, word in enumerate(words))
            if in_name and (name := corrected(" ".join(words))):
                return name, start + len(words)
        return None

    def known_name(self, start: int, *, rank: int = 0) -> tuple[str | None, int]:
        """The longest run of words from ``start`` that the airports know, with a ", region" if that is one."""
        end = start
        while end < min(len(self.tokens), start + MAX_NAME_WORDS) and self.in_name(end):
            end += 1
        while end > start and self.low(start) not in COMMON:
            name = " ".join(self.tokens[start:end])
            if self.low(end - 1) not in COMMON and not titled_code(name) and self.looks_up(name, rank):
                return self.with_region(name, end)
            end -= 1
        return None, start

    def in_name(self, position: int) -> bool:
        """True for a token that may be part of a name."""
        token = self.tokens[position]
        return token[0].isalpha() and token.lower() not in ENDS_NAME

    def with_region(self, name: str, end: int) -> tuple[str, int]:
        """The name with its region ("Portland, OR", "Paris, France") when the airports agree."""
        if self.low(end) == "in" and end + 1 < len(self.tokens) and self.tokens[end + 1].istitle():
            longer = f"{name}, {self.tokens[end + 1]}"
            return (longer, end + 2) if self.looks_up(longer) else (name, end)
        after = self.tokens[end] if end < len(self.tokens) else ""
        if after.isupper() and len(after) == 2 and self.looks_up(f"{name}, {after}"):
            return f"{name}, {after}", end + 1  # "Portland OR"
        if after in {",", "."}:
            for stop in (end + 3, end + 2):
                region = self.tokens[end + 1 : stop]
                if region and all(word[0].isupper() or len(word) > 3 for word in region):
                    longer = f"{name}, {' '.join(region)}"
                    if self.looks_up(longer):
                        return longer, end + 1 + len(region)
        return name, end

    def looks_up(self, name: str, rank: int = 0) -> bool:
        """True when ``name`` is a place of at least that importance."""
        if not might_be_place(name):
            return False
        self.lookups += 1
        return self.lookups <= MAX_LOOKUPS and is_place(name, rank=rank)
