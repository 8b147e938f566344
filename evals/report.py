"""The figures as a Markdown page, with the cases that went wrong."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evals.dialogues import REQUIRED, SLOTS
from evals.score import Confusion, Tally
from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.install import DAPR_VERSION

PAGE = Path(__file__).resolve().parent.parent / "docs" / "understanding.md"
HEAD, TAIL = "<!-- figures of make eval -->", "<!-- end of the figures -->"
SHOWN = 16
"""Kinds of confusion that the page shows, each with a case; the command prints every case with --cases."""
LONGEST = 150
_BREAKS = re.compile(r"[|\n]")


@dataclass(frozen=True)
class Goal:
    """A figure, and what it must reach; ``most``: it must not exceed it."""

    text: str
    value: float
    bound: float
    most: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value < self.bound if self.most else self.value >= self.bound


def goals(total: Tally) -> list[Goal]:
    """What the offline model must reach on the development dialogues."""
    return [
        Goal("recall of origin and destination", total.recall("origin", "destination"), 0.95),
        Goal("recall of the dates", total.recall("departure_date", "return_date"), 0.93),
        Goal("joint accuracy", total.joint, 0.80),
        Goal("wrong searches", total.wrong_rate, 0.03, most=True),
    ]


def lines(model: str, total: Tally, services: Mapping[str, Tally], seconds: float, data: str) -> list[str]:
    """The report: figures by service, by slot, and examples of what went wrong."""
    return [
        *_about(model, total, seconds, data),
        "",
        *_table([("", *services, "all"), *_figures([*services.values(), total])]),
        "",
        *_table([("slot", "named by the dialogues", "recall", "precision"), *_slots(total)]),
        "",
        *(
            f"- {goal.text}: {goal.value:.3f}, {_bound(goal)}: {'met' if goal.met else '**missed**'}"
            for goal in goals(total)
        ),
    ]


def cases(confusions: Sequence[Confusion]) -> list[str]:
    """The cases that went wrong, the most frequent kind first."""
    kinds = Counter(case.kind for case in confusions)
    rows = [
        (case.dialogue, case.kind, _cell(case.message), _cell(case.expected), _cell(case.got))
        for kind, _ in kinds.most_common()
        for case in [each for each in confusions if each.kind == kind]
    ]
    return [*_table([("dialogue", "what", "the message", "the dialogue has", "we had"), *rows])]


def examples(confusions: Sequence[Confusion]) -> list[str]:
    """How often each kind of confusion occurs, with a case of it; without its words, which are not ours to show."""
    kinds = Counter(case.kind for case in confusions)
    of_kind = {case.kind: case for case in reversed(confusions)}
    rows = [
        (kind, str(times), of_kind[kind].dialogue, _cell(of_kind[kind].expected), _cell(of_kind[kind].got))
        for kind, times in kinds.most_common(SHOWN)
    ]
    return [*_table([("what went wrong", "times", "for example", "the dialogue has", "we had"), *rows])]


def write(told: Sequence[str], page: Path = PAGE) -> None:
    """Put the report between its two marks on the page. Raises RuntimeProblem where there are none."""
    block = "\n".join([HEAD, "", *told, "", TAIL])
    text, times = re.subn(f"{HEAD}.*?{TAIL}", lambda _: block, page.read_text(encoding="utf-8"), flags=re.DOTALL)
    if not times:
        raise RuntimeProblem(f"{page} has no place for the figures, between {HEAD} and {TAIL}.")
    page.write_text(text, encoding="utf-8")


def _about(model: str, total: Tally, seconds: float, data: str) -> Iterator[str]:
    now = datetime.now(UTC)
    yield (
        f"{total.dialogues} dialogues of `{data}` played to `{model}` in {seconds:.0f} s; {now:%Y-%m-%d}, "
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, Dapr {DAPR_VERSION}."
    )


def _figures(tallies: Sequence[Tally]) -> Iterator[tuple[str, ...]]:
    yield ("dialogues", *(str(each.dialogues) for each in tallies))
    yield ("searches of the dialogues", *(str(each.calls) for each in tallies))
    yield ("**joint accuracy**", *(f"**{each.joint:.3f}**" if each.calls else "–" for each in tallies))
    yield (
        "bookings of the dialogues, and joint accuracy",
        *(f"{each.bookings}: {each.joint_bookings:.3f}" if each.bookings else "–" for each in tallies),
    )
    for slot in REQUIRED:
        yield (
            f"recall, {_spoken(slot)}",
            *(f"{each.recall(slot):.3f}" if each.named[slot] else "–" for each in tallies),
        )
    yield (
        "turns that lack something, and asked then",
        *(f"{each.to_ask}: {each.asks:.3f}" if each.to_ask else "–" for each in tallies),
    )
    yield ("our searches, and wrong ones", *(f"{each.searches}: {each.wrong_rate:.3f}" for each in tallies))
    yield ("searches refused by the tool", *(str(each.refused) for each in tallies))


def _slots(total: Tally) -> Iterator[tuple[str, ...]]:
    for slot in SLOTS:
        named, given = total.named[slot], total.given[slot]
        recall = f"{total.recall(slot):.3f}" if named else "–"
        yield (_spoken(slot), str(named), recall, f"{total.precision(slot):.3f}" if given else "–")


def _spoken(slot: str) -> str:
    return slot.replace("_", " ")


def _bound(goal: Goal) -> str:
    return f"{'under' if goal.most else 'at least'} {goal.bound:.2f} asked"


def _cell(text: str) -> str:
    plain = _BREAKS.sub(" ", text)
    return plain if len(plain) <= LONGEST else plain[:LONGEST] + "…"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    head, *body = rows
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in body:
        yield f"| {' | '.join(row)} |"
