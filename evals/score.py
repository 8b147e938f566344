"""What is right and what is wrong in how the dialogues were understood. Pure.

- A *standing* search is the last one that was made up to a point. At each call of a dialogue it is compared with that
  call, slot by slot: a slot that both name alike is a hit, one that differs a miss and a false one.
- The *joint* accuracy is the part of the calls at which all of origin, destination and the two dates are right; a way
  back that was not asked for is as wrong as one that is missing.
- A turn *lacks* something when the dialogue's agent looked nothing up yet and asked back, unless our search has all
  that its next call has: then all was said, and it asked for something else. Ours is to ask at such a turn, too.
- A search is *wrong* when it names a place or a date that neither the next call of the dialogue nor the one before
  has, nor its agent read back between the two (people change their minds when they hear it); or when it repeats the
  last one although the dialogue's agent looked nothing up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from evals.dialogues import DEFAULTS, OPTIONAL, REQUIRED, SLOTS, Call, Dialogue, Query, Turn, asked, named_in

_CONFIRMS = re.compile(r"\b(?:confirm|correct|is that right|are you sure|shall i|should i|do you want me to)\b", re.I)


@dataclass(frozen=True)
class Played:
    """What became of one message: the reply, and the searches that were made, the refused ones apart."""

    reply: str
    searches: tuple[Query, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Confusion:
    """A case that went wrong, for people to read."""

    dialogue: str
    kind: str
    message: str
    expected: str
    got: str


@dataclass
class Tally:
    """Counts of one group of dialogues, and the cases that went wrong."""

    dialogues: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    """Slots named by the dialogues' calls, by slot."""
    given: Counter[str] = field(default_factory=Counter)
    """Slots named by our searches at those calls, by slot."""
    calls: int = 0
    right: int = 0
    bookings: int = 0
    bookings_right: int = 0
    to_ask: int = 0
    did_ask: int = 0
    searches: int = 0
    wrong: int = 0
    refused: int = 0
    confusions: list[Confusion] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in the counts of another."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            if isinstance(mine, Counter | list):
                mine += value
            else:
                setattr(self, name, mine + value)

    def recall(self, *slots: str) -> float:
        """Of the slots that the dialogues' calls name, the part that ours have right."""
        return _part(sum(self.hits[slot] for slot in slots), sum(self.named[slot] for slot in slots))

    def precision(self, *slots: str) -> float:
        """Of the slots that our searches name, the part that is right."""
        return _part(sum(self.hits[slot] for slot in slots), sum(self.given[slot] for slot in slots))

    @property
    def joint(self) -> float:
        """The part of the dialogues' searches at which all required slots are right."""
        return _part(self.right, self.calls)

    @property
    def joint_bookings(self) -> float:
        """The same of their bookings."""
        return _part(self.bookings_right, self.bookings)

    @property
    def asks(self) -> float:
        """The part of the turns that lack something at which we ask, too."""
        return _part(self.did_ask, self.to_ask)

    @property
    def wrong_rate(self) -> float:
        """The part of our searches that is wrong."""
        return self.wrong / self.searches if self.searches else 0.0


def _part(some: int, of: int) -> float:
    return some / of if of else 1.0


def tally(pairs: Iterable[tuple[Dialogue, Sequence[Played]]]) -> Tally:
    """The counts over several dialogues."""
    total = Tally()
    for dialogue, played in pairs:
        total.add(judge(dialogue, played))
    return total


def judge(dialogue: Dialogue, played: Sequence[Played]) -> Tally:
    """The counts of one dialogue; ``played`` has an item for each message of the person."""
    seen = Tally(dialogues=1)
    exchanges = dialogue.exchanges()
    calls = [answer.call if answer is not None else None for _, answer in exchanges]
    standing: Query | None = None
    for at, ((message, answer), turn) in enumerate(zip(exchanges, played, strict=True)):
        wanted = _around(calls, at)
        for search in turn.searches:
            wrong = _unsupported(search, wanted, read_back(exchanges, at))
            repeats = search == standing and calls[at] is None
            _judge_search(seen, dialogue, message, search, wanted, wrong, repeats=repeats)
            standing = search
        seen.refused += len(turn.refused)
        call = calls[at]
        if call is not None:
            _judge_call(seen, dialogue, message, call, standing)
        elif answer is not None and "?" in answer.text and not any(calls[:at]) and not _CONFIRMS.search(answer.text):
            if turn.searches and wanted and not _differences(wanted[0], turn.searches[-1]):
                continue
            _judge_question(seen, dialogue, message, turn)
    return seen


def _around(calls: Sequence[Call | None], at: int) -> list[Query]:
    """What is looked up next from here on, and what was before."""
    after = next((asked(call) for call in calls[at:] if call is not None), None)
    before = next((asked(call) for call in reversed(calls[:at]) if call is not None), None)
    return [query for query in (after, before) if query is not None]


def read_back(exchanges: Sequence[tuple[str, Turn | None]], at: int) -> str:
    """What the dialogue's agent says around this message, from what it looked up last to what it looks up next."""
    answers = [answer or Turn(speaker="SYSTEM", text="") for _, answer in exchanges]
    before = takewhile(lambda answer: answer.call is None, reversed(answers[:at]))
    after = takewhile(lambda answer: answer.call is None, answers[at:])
    return " ".join(answer.text for answer in (*before, *after))


def _unsupported(search: Query, wanted: Sequence[Query], read_back: str) -> list[str]:
    """The required slots that the search has and the dialogue does not."""
    return [
        slot
        for slot in REQUIRED
        if (value := search.slot(slot)) is not None
        and value not in {query.slot(slot) for query in wanted}
        and not named_in(slot, value, read_back)
    ]


def _differences(expected: Query, got: Query) -> list[str]:
    return [slot for slot in REQUIRED if expected.slot(slot) != got.slot(slot)]


def _judge_search(
    seen: Tally,
    dialogue: Dialogue,
    message: str,
    search: Query,
    wanted: Sequence[Query],
    bad: Sequence[str],
    *,
    repeats: bool,
) -> None:
    seen.searches += 1
    if bad or repeats:
        seen.wrong += 1
        kind = f"wrong search: {', '.join(bad)}" if bad else "needless search"
        expected = _words(wanted[0], bad or REQUIRED) if wanted else "no search"
        seen.confusions.append(Confusion(dialogue.id, kind, message, expected, _words(search, bad or REQUIRED)))


def _judge_call(seen: Tally, dialogue: Dialogue, message: str, call: Call, standing: Query | None) -> None:
    expected, got = asked(call), standing or Query()
    for slot in SLOTS:
        want, have = getattr(expected, slot), getattr(got, slot)
        have = None if want is None and have == DEFAULTS.get(slot) else have
        alike = want is not None and want == got.slot(slot) and standing is not None
        seen.hits[slot] += alike
        seen.named[slot] += want is not None
        seen.given[slot] += alike or have is not None
    wrong = _differences(expected, got) or list(REQUIRED if standing is None else ())
    if call.searches:
        seen.calls += 1
        seen.right += not wrong
    else:
        seen.bookings += 1
        seen.bookings_right += not wrong
    missed = wrong + [slot for slot in OPTIONAL if getattr(expected, slot) and expected.slot(slot) != got.slot(slot)]
    if missed:
        kind = f"{'search' if call.searches else 'booking'}: {', '.join(missed)}"
        shown = _words(got, missed) if standing is not None else "no search"
        seen.confusions.append(Confusion(dialogue.id, kind, message, _words(expected, missed), shown))


def _judge_question(seen: Tally, dialogue: Dialogue, message: str, turn: Played) -> None:
    seen.to_ask += 1
    asks = "?" in turn.reply and not turn.searches
    seen.did_ask += asks
    if not asks:
        got = _words(turn.searches[-1], REQUIRED) if turn.searches else turn.reply
        seen.confusions.append(Confusion(dialogue.id, "not asked", message, "a question", got))


def _words(query: Query, slots: Iterable[str]) -> str:
    return ", ".join(f"{slot} {query.slot(slot) or '—'}" for slot in slots)
