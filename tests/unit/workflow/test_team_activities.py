"""A task from another agent at the one way in, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.messages import Message
from travelbuddy.errors import NotFound, OwnedByAnother, StoreUnavailable
from travelbuddy.incoming import Incoming, turn_id_for
from travelbuddy.turns import Accepted
from travelbuddy.workflow.team_activities import ERASED, TeamActivities
from travelbuddy.workflow.team_payloads import AcceptTask, AwaitReply, Progress

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TASK = AcceptTask(user_id="agent-C", session_id="team-1", text="To Paris", key="task:1")
ASKED = AwaitReply(user_id="agent-C", turn_id="t")


class Door:
    """Accepts, or raises what it is told to."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.taken: list[Incoming] = []
        self._trouble = trouble

    async def accept(self, message: Incoming) -> Accepted:
        if self._trouble is not None:
            raise self._trouble
        self.taken.append(message)
        return Accepted(turn_id_for(message), message.session_id)


class Ends:
    """Knows how the turn ended, or that it has not, or that there is none."""

    def __init__(self, end: TurnRecord | Exception | None) -> None:
        self._end = end

    async def ended(self, turn_id: str, seconds: float, *, ask: bool) -> TurnRecord | None:
        if isinstance(self._end, Exception):
            raise self._end
        return self._end


async def test_a_task_is_accepted_under_its_key() -> None:
    """Run again, as after a kill, it is the same turn of the same user in the same session."""
    door = Door()
    steps = TeamActivities(door.accept, Ends(None))
    first, again = await steps.accept_task("i", TASK), await steps.accept_task("other", TASK)
    assert first == again == Progress(turn_id=turn_id_for(door.taken[0]))
    assert {(m.user_id, m.session_id, m.text, m.door) for m in door.taken} == {
        ("agent-C", "team-1", "To Paris", "team")
    }


async def test_nobody_enters_anothers_personal_session() -> None:
    """A task for the direct messages of somebody else is refused before anything is accepted."""
    door = Door()
    task = TASK.model_copy(update={"session_id": "dm-ada"})
    said = (await TeamActivities(door.accept, Ends(None)).accept_task("i", task)).reply or ""
    assert "'dm-ada' is not yours" in said
    assert not door.taken


async def test_what_no_retry_can_help_is_a_reply_and_the_rest_is_tried_again() -> None:
    """Another's session is refused in words; a store that is away names the time of the next try."""
    refused = await TeamActivities(Door(OwnedByAnother("session 's' is not yours")).accept, Ends(None)).accept_task(
        "i", TASK
    )
    assert refused.reply == "I cannot take this task: session 's' is not yours."
    away = await TeamActivities(Door(StoreUnavailable("away", 4)).accept, Ends(None)).accept_task("i", TASK)
    assert away == Progress(retry_after=4)


async def test_every_end_of_a_turn_is_told() -> None:
    """Whatever the outcome, its last message is the reply; one that goes on, or was erased, is told as such."""
    messages = (Message(role="user", content="To Paris", timestamp=NOW),)
    for outcome in ("answered", "failed", "cancelled"):
        end = TurnRecord(
            workflow_instance_id="t",
            session_id="s",
            user_id="agent-C",
            outcome=outcome,
            created_at=NOW,
            completed_at=NOW,
            messages=(*messages, Message(role="assistant", content=f"It was {outcome}.", timestamp=NOW)),
        )
        assert await TeamActivities(Door().accept, Ends(end)).await_reply("i", ASKED) == Progress(
            reply=f"It was {outcome}."
        )
    assert await TeamActivities(Door().accept, Ends(None)).await_reply("i", ASKED) == Progress()
    gone = await TeamActivities(Door().accept, Ends(NotFound("gone"))).await_reply("i", ASKED)
    assert gone == Progress(reply=ERASED)
