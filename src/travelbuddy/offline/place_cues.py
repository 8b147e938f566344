"""Which end of a trip a word tells: "to", "from", "out of", "arriving in"."""

from __future__ import annotations

from dataclasses import dataclass, field

from travelbuddy.offline.cues import CUES, ENDS, FILLER, FOR_MEANS_TO, MOVE, NOT, STAYS, STAYS_THERE
from travelbuddy.offline.place_pairs import Pairs

BETWEEN = "between"


@dataclass
class Cued(Pairs):
    """The tokens with their cues; ``roles`` collects the names found, the others are where they were said."""

    roles: dict[str, str] = field(default_factory=dict)
    destination_cue: int = -1
    origin_cue: int = -1
    origin_end: int = -1

    def cue(self, position: int) -> str | None:
        """The end of the trip that a name after this word is, ``loose`` for one of them; None for no cue."""
        word, previous = self.low(position), self.low(position - 1)
        if previous in NOT or (previous == "of" and self.low(position - 2) == "instead"):
            return None
        if word == "ex" and "".join(self.tokens[position + 1 : position + 2]).islower():
            return None  # "my ex husband"
        if word == "for" and (previous in FOR_MEANS_TO or position == self.origin_end):
            return "destination"
        if word == BETWEEN or (word == "of" and previous == "out"):
            return "origin"
        if word == "out" and self.low(position + 1) != "of":
            return "origin" if previous in MOVE else None
        if word in {"in", "at"} and (verb := self.verb_before(position)):
            return verb
        return CUES.get(word)

    def verb_before(self, position: int) -> str | None:
        """The end of the trip that "in" and "at" belong to by the verb before them."""
        for back in (1, 2):
            word = self.low(position - back)
            if word in ENDS:
                return "destination"
            if word in STAYS:
                return "destination" if "origin" in self.roles and word in STAYS_THERE else "origin"
        return None

    def name_start(self, position: int) -> int:
        """Where the name after a cue begins: "the City of Light" has one, "the city of Rome" has not."""
        start = position + (self.low(position) == "the")
        long = self.low(start) in FILLER and self.known_name(start)[1] > start + 1
        return start if long else self.skip_filler(position)
