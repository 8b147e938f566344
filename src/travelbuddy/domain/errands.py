"""Errands: work that the agent does for a traveller beyond a turn, such as a booking or a fare watch.

Each is a workflow of its own with a record of its own, and the record has the workflow's id.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ErrandKind = Literal["booking", "fare_watch"]
LISTED = 200
"""Errands that a user's index holds at most; the oldest leave it."""
LISTED_FOR = timedelta(days=400)
"""Longer than any errand lasts: flights are on sale for less than a year."""


class Errand(BaseModel):
    """What every errand says of itself; each kind adds its own, and gives ``kind`` its name as default."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: ErrandKind
    user_id: str
    session_id: str
    created_at: datetime

    @property
    def over(self) -> bool:
        """Whether nothing will be done for it any more."""
        return False


class Mark(BaseModel):
    """An errand as its user's index has it."""

    model_config = ConfigDict(frozen=True)

    kind: ErrandKind
    session_id: str
    since: datetime


class ErrandIndex(BaseModel):
    """The errands of a user, oldest first."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    errands: dict[str, Mark] = Field(default_factory=dict)

    def noted(self, errand: Errand) -> ErrandIndex:
        """With this one; without those that are too old, or too many."""
        mark = Mark(kind=errand.kind, session_id=errand.session_id, since=errand.created_at)
        young = {i: m for i, m in self.errands.items() if errand.created_at - m.since < LISTED_FOR}
        return self._with({**young, errand.id: mark})

    def without(self, *errand_ids: str) -> ErrandIndex:
        """Without these."""
        return self._with({i: m for i, m in self.errands.items() if i not in errand_ids})

    def _with(self, errands: dict[str, Mark]) -> ErrandIndex:
        return self.model_copy(update={"errands": dict([*errands.items()][-LISTED:])})
