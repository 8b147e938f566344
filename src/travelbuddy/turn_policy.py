"""What every turn is started with, and the input of the workflow instance that carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from travelbuddy.domain.conversation import LaneEntry
from travelbuddy.domain.turn import Limits
from travelbuddy.workflow.contracts import IfBusy, TurnInput


@dataclass(frozen=True)
class TurnPolicy:
    """Model, tools and limits. They travel in the turn's input, so a later change leaves a turn under way alone."""

    model: str
    tools: Callable[[], tuple[str, ...]]
    limits: Limits

    def input_of(
        self,
        entry: LaneEntry,
        user_id: str,
        session_id: str,
        *,
        if_busy: IfBusy = "enqueue",
        follower: str | None = None,
    ) -> TurnInput:
        """The input of the entry's present instance: its first one, or the successor that it names."""
        return TurnInput(
            user_id=user_id,
            session_id=session_id,
            message=entry.message,
            accepted_at=entry.accepted_at,
            model=self.model,
            tools=self.tools(),
            limits=self.limits,
            context=entry.context,
            reply_to=entry.reply_to,
            if_busy=if_busy,
            follower=follower,
            accepted_by=entry.accepted_by,
            trace=entry.trace,
            door=entry.door,
            notice=entry.notice,
            turn_id=entry.id if entry.run else None,
            run=entry.run,
        )
