"""Carries out a schedule of faults, sees each of them happen, and lets everything heal at the end of each round."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from chaos.busy import Busy
from chaos.evidence import Calm
from chaos.model import Model
from chaos.schedule import CALM, Fault, Round
from chaos.system import System

NAMES = {
    "outage": "outages of the model (500)",
    "away": "long outages of the model",
    "burst": "bursts of 20 into one session",
    "busy": "times of other work on the machine",
}
"""What the summary calls the faults that are not of a process."""


class Nemesis:
    """``burst`` sends many messages to one session; ``hush`` makes all clients fall silent, before the last calm."""

    def __init__(self, system: System, model: Model, burst: Callable[[], None], hush: Callable[[], None]) -> None:
        self.calms: list[Calm] = []
        self.back_after: list[float] = []
        """Seconds from the end of the faults of each round until every part answered."""
        self.more: Counter[str] = Counter()
        """Faults that are not of a process, as the summary calls them."""
        self.missed: list[str] = []
        """Faults that were armed and did not happen."""
        self._system = system
        self._model = model
        self._burst = burst
        self._hush = hush
        self._began: float | None = None

    @property
    def calm_since(self) -> float | None:
        """When the present calm began."""
        return self._began

    async def run(self, rounds: Sequence[Round]) -> None:
        """All rounds; the last calm is left open, and before it the clients fall silent."""
        for number, each in enumerate(rounds):
            last = number == len(rounds) - 1
            await self._break(each, last=last)
            await self._heal()
            if not last:
                await asyncio.sleep(CALM)
                self.end_calm()
        self.missed += self._model.missed()

    def end_calm(self) -> None:
        """The calm is over, or was judged long enough."""
        if self._began is not None:
            self.calms.append(Calm(self._began, time.time()))
            self._began = None

    async def _break(self, each: Round, *, last: bool) -> None:
        self._model.honest = False
        began = time.monotonic()
        async with asyncio.TaskGroup() as running:
            for fault in each.faults:
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                running.create_task(self._inflict(fault))
            await asyncio.sleep(max(0.0, began + each.seconds - time.monotonic()))
            if last:
                self._hush()

    async def _heal(self) -> None:
        self._model.honest = True
        self.back_after.append(await self._system.until_back())
        self._began = time.time()

    async def _inflict(self, fault: Fault) -> None:
        if not await self._seen(fault):
            self.missed.append(f"{fault.kind} of {fault.target} at {fault.at:.1f} s of its round")
        elif fault.kind in NAMES:
            self.more[NAMES[fault.kind]] += 1

    async def _seen(self, fault: Fault) -> bool:
        """Carry it out; True when it was seen to happen."""
        match fault.kind:
            case "kill":
                return await self._system.kill(fault.target, fault.seconds)
            case "pause":
                return await self._system.pause(fault.target, fault.seconds)
            case "scheduler data":
                return await self._system.lose_scheduler_data()
            case "outage":
                return await self._model.out(fault.seconds)
            case "away":
                return await self._model.away(fault.seconds)
            case "busy":
                with Busy() as busy:
                    await asyncio.sleep(fault.seconds)
                    return busy.at_work
            case "burst":
                self._burst()
                return True
