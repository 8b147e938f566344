"""Errands: work that the agent does for a traveller beyond a turn, such as a booking or a fare watch.

The record is the wait: it says when something is to be done next. A workflow instance exists only while it is done.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ErrandKind = Literal["booking", "fare_watch"]
LISTED = 200
"""Errands that a user's index holds at most; the oldest leave it."""
LISTED_FOR = timedelta(days=400)
"""Longer than any errand lasts: flights are on sale for less than a year."""


_RUN = re.compile(r"-r\d+$")


class Errand(BaseModel):
    """What every errand says of itself; each kind adds its own, and gives ``kind`` its name as default.

    ``run`` counts the workflow instances that Dapr could not carry on with and that were replaced by a successor.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: ErrandKind
    user_id: str
    session_id: str
    created_at: datetime
    run: int = 0

    @property
    def over(self) -> bool:
        """Whether its outcome is certain."""
        return False

    @property
    def due(self) -> datetime | None:
        """When something is to be done for it next; None when nothing will be any more."""
        return None

    @property
    def instance_id(self) -> str:
        """The id of the workflow instances that do it: its own, or after a replacement one with the run's number."""
        return instance_id(self.id, self.run)


def instance_id(errand_id: str, run: int) -> str:
    """The id of the errand's instances of this run."""
    return errand_id if run == 0 else f"{errand_id}-r{run}"


def errand_of(instance: str) -> str:
    """The errand that an instance of this id belongs to."""
    return _RUN.sub("", instance)


class Mark(BaseModel):
    """An errand as its user's index has it; ``runs`` is the highest run that an instance of it may have."""

    model_config = ConfigDict(frozen=True)

    kind: ErrandKind
    session_id: str
    since: datetime
    runs: int = 0

    def instances(self, errand_id: str) -> list[str]:
        """The ids that instances of the errand may have."""
        return [instance_id(errand_id, run) for run in range(self.runs + 1)]


class ErrandIndex(BaseModel):
    """The errands of a user, oldest first."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    errands: dict[str, Mark] = Field(default_factory=dict)

    def noted(self, errand: Errand) -> ErrandIndex:
        """With this one; without those that are too old, or too many."""
        runs = self.errands[errand.id].runs if errand.id in self.errands else 0
        mark = Mark(kind=errand.kind, session_id=errand.session_id, since=errand.created_at, runs=runs)
        young = {i: m for i, m in self.errands.items() if errand.created_at - m.since < LISTED_FOR}
        return self._with({**young, errand.id: mark})

    def with_run(self, errand_id: str, run: int) -> ErrandIndex:
        """With the note that the errand may have an instance of this run."""
        if (mark := self.errands.get(errand_id)) is None or mark.runs >= run:
            return self
        return self._with({**self.errands, errand_id: mark.model_copy(update={"runs": run})})

    def without(self, *errand_ids: str) -> ErrandIndex:
        """Without these."""
        return self._with({i: m for i, m in self.errands.items() if i not in errand_ids})

    def _with(self, errands: dict[str, Mark]) -> ErrandIndex:
        return self.model_copy(update={"errands": dict([*errands.items()][-LISTED:])})
