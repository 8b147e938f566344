"""One turn as it goes on: what was said so far, in whatever order the pieces came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.progress import Said
from travelbuddy.domain.steps import Step

MAX_GAPS = 256


def told(timeline: Sequence[Step]) -> list[dict[str, Any]]:
    """The timeline as JSON."""
    return [step.model_dump(mode="json") for step in timeline]


class LiveTurn:
    """What is known of one turn here: its steps so far, its status, its record once it is committed."""

    def __init__(self) -> None:
        self.steps: list[Said] = []
        self.status: dict[str, Any] = {}
        self.timeline: tuple[Step, ...] = ()
        """The steps that are finished."""
        self.shown: dict[str, Any] = {}
        """The status with the timeline so far, as who follows is told; empty while neither is known."""
        self.record: TurnRecord | None = None
        self.hints = 0
        """How often it was said that the turn may be over: reasons to look at the store."""
        self.version = 0
        self.followers: set[str] = set()
        """Other replicas that hold a client's connection for it."""
        self.run = 0
        """When the present execution of its last step began; a later one says everything again."""
        self._gaps: dict[int, str] = {}
        self._changed = asyncio.Event()

    def step(self, number: int) -> Said:
        """The given step (from 1), made when it is new."""
        while len(self.steps) < number:
            self.steps.append(Said())
        return self.steps[number - 1]

    def stands(self, status: Mapping[str, Any], timeline: Sequence[Step] | None = None) -> None:
        """The turn stands so, with these steps finished; the same ones as before where none are given."""
        self.status = dict(status)
        self.timeline = self.timeline if timeline is None else tuple(timeline)
        self.shown = {**self.status, "timeline": told(self.timeline)}

    def note(self, step: Step) -> None:
        """One more step is finished."""
        if step not in self.timeline and self.status:
            self.stands(self.status, (*self.timeline, step))

    def say(self, step: int, run: int, offset: int, text: str) -> None:
        """Take in a piece of a step's text. Pieces may come late, twice or in any order."""
        if run < self.run or step < len(self.steps):
            return
        if run > self.run or step > len(self.steps):
            self.run, self._gaps = run, {}
            self.step(step).text = ""
        said = self.step(step)
        if len(self._gaps) < MAX_GAPS:
            self._gaps[offset] = text
        while (piece := self._gaps.pop(len(said.text), None)) is not None:
            said.text += piece

    def tell(self) -> None:
        """Wake who follows."""
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def newer(self, version: int, seconds: float) -> None:
        """Wait until there is news since ``version``, at most so long."""
        if self.version == version:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # wait_for may lose a cancellation in Python 3.11
                    await self._changed.wait()
