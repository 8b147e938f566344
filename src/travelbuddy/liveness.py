"""Which workflow instances are being worked on, on any replica.

Every open turn and job has an activity in progress somewhere, except for moments: so an instance that no replica works
on for a while does not run any more, whatever the engine says of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from travelbuddy.adapters.ports import ReplicaLink

ANSWER_WITHIN = 1.0
"""Seconds in which the other replicas say what they work on. One that says nothing counts as working on nothing."""


class Liveness:
    """What this replica works on, and what the others say that they do."""

    def __init__(self, link: ReplicaLink, working: Callable[[], Collection[str]]) -> None:
        """``working`` is the ids of the instances whose activities are in progress here."""
        self._link = link
        self._working = working
        self._heard: set[str] = set()
        link.on("working?", self._answer)
        link.on("working", lambda notice: self._heard.update(str(each) for each in notice["instances"]))

    async def claimed(self, instance_ids: Collection[str]) -> set[str]:
        """Those of the instances that some replica works on. Takes a second unless all of them are worked on here."""
        own = set(self._working())
        claimed = own.intersection(instance_ids)
        if elsewhere := [each for each in instance_ids if each not in own]:
            self._heard.difference_update(elsewhere)
            self._link.broadcast({"kind": "working?", "instances": elsewhere, "to": self._link.name})
            await asyncio.sleep(ANSWER_WITHIN)
            claimed |= self._heard.intersection(elsewhere)
            self._heard.difference_update(elsewhere)
        return claimed | set(self._working()).intersection(instance_ids)

    def _answer(self, notice: dict[str, Any]) -> None:
        own = set(self._working())
        if mine := [str(each) for each in notice["instances"] if each in own]:
            self._link.send(str(notice["to"]), {"kind": "working", "instances": mine})
