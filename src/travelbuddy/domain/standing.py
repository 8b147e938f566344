"""Where a turn stands in its session, as an execution of it finds out."""

from __future__ import annotations

from dataclasses import dataclass

from travelbuddy.domain.conversation import SessionRecord, TurnRecord
from travelbuddy.domain.users import UserRecord


@dataclass(frozen=True)
class Done:
    """The turn is committed; ``record`` is what counts, whatever this execution may have in hand."""

    record: TurnRecord


@dataclass(frozen=True)
class Queued:
    """``position`` turns of the session come first."""

    position: int


@dataclass(frozen=True)
class Admitted:
    """The turn is at the head: it may call the model with this session and user, and commit under this ETag."""

    session: SessionRecord
    etag: str
    user: UserRecord | None


@dataclass(frozen=True)
class Withdrawn:
    """The turn was never let in, and never will be: it ends and leaves nothing behind."""


Standing = Done | Queued | Admitted | Withdrawn
