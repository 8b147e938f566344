"""Carries out a schedule of faults, and lets everything heal at the end of each round."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from chaos.evidence import Calm
from chaos.model import Model
from chaos.schedule import CALM, Fault, Round
from chaos.system import System


class Nemesis:
    """``burst`` fills a lane."""

    def __init__(self, system: System, model: Model, burst: Callable[[], None]) -> None:
        self.calms: list[Calm] = []
        self.back_after: list[float] = []
        """Seconds from the end of the faults of each round until every part answered."""
        self.more: Counter[str] = Counter()
        """Outages of the model, and bursts."""
        self._system = system
        self._model = model
        self._burst = burst
        self._began: float | None = None

    async def run(self, rounds: Sequence[Round]) -> None:
        """All rounds; the last calm is left open."""
        for number, each in enumerate(rounds):
            await self._break(each)
            await self._heal()
            if number < len(rounds) - 1:
                await asyncio.sleep(CALM)
                self.end_calm()

    def end_calm(self) -> None:
        """The calm is over, or was judged long enough."""
        if self._began is not None:
            self.calms.append(Calm(self._began, time.time()))
            self._began = None

    async def _break(self, each: Round) -> None:
        self._model.honest = False
        began = time.monotonic()
        async with asyncio.TaskGroup() as running:
            for fault in each.faults:
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                running.create_task(self._inflict(fault))
            await asyncio.sleep(max(0.0, began + each.seconds - time.monotonic()))

    async def _heal(self) -> None:
        self._model.honest = True
        self.back_after.append(await self._system.until_back())
        self._began = time.time()

    async def _inflict(self, fault: Fault) -> None:
        match fault.kind:
            case "kill":
                await self._system.kill(fault.target, fault.seconds)
            case "pause":
                await self._system.pause(fault.target, fault.seconds)
            case "outage":
                self.more["outages of the model"] += 1
                self._model.down = True
                await asyncio.sleep(fault.seconds)
                self._model.down = False
            case "burst":
                self.more["bursts of 20 into one session"] += 1
                self._burst()
