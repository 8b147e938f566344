"""A session that branches off another one: the same conversation up to a turn, under an id of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from travelbuddy.domain.conversation import REMEMBERED, WINDOW, SessionRecord, TurnRecord, new_session
from travelbuddy.domain.origin import ForkedFrom
from travelbuddy.domain.users import Tally


def forked(
    source: SessionRecord,
    turns: Sequence[TurnRecord],
    origin: ForkedFrom,
    session_id: str,
    id_of: Callable[[str], str],
    now: datetime,
) -> tuple[SessionRecord, tuple[TurnRecord, ...]]:
    """The new session, and its copies of these turns of the source, of which there must be one.

    The copies have ids of their own by ``id_of``. What the originals took of the model is the source's, and not
    counted again.
    """
    copies = tuple(
        turn.model_copy(
            update={"workflow_instance_id": id_of(turn.workflow_instance_id), "session_id": session_id, "trace": None}
        )
        for turn in turns[-REMEMBERED:]
    )
    session = new_session(session_id, source.user_id, now).model_copy(
        update={
            "forked_from": origin,
            "turns": copies[-WINDOW:],
            "turn_ids": tuple(copy.workflow_instance_id for copy in copies),
            "message_count": len(copies),
        }
    )
    return session, copies


def tally_of(session: SessionRecord) -> Tally:
    """What the session adds to its user's totals."""
    return Tally(
        message_count=session.message_count, last_activity=session.last_activity, day_tokens=session.day_tokens
    )
