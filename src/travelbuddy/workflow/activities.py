"""The two activities of a turn. Both run at least once, and an old execution may be alive beside a new one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from cachetools import TTLCache
from pydantic import JsonValue

from travelbuddy.adapters.ports import ChatModel, Publisher, UserRecords
from travelbuddy.domain.conversation import Outcome, TurnRecord, notice_turn
from travelbuddy.domain.found import told_offers
from travelbuddy.domain.messages import Message, blank, unique_ids
from travelbuddy.domain.patience import Trouble, after_failure, held_back
from travelbuddy.domain.standing import Admitted, Done, Queued, Withdrawn
from travelbuddy.domain.steps import Step, finished_step, tokens_of
from travelbuddy.domain.turn import ModelResult, ToolResult
from travelbuddy.domain.users import Tally, tokens_on
from travelbuddy.doors import OpenDoors
from travelbuddy.errors import ModelRefused, ModelUnavailable, StoreUnavailable, TurnClosed, TurnWithdrawn
from travelbuddy.lanes import Lanes
from travelbuddy.live import LiveTurns
from travelbuddy.telemetry.metrics import Metrics
from travelbuddy.telemetry.spans import turn_over
from travelbuddy.telemetry.turn_metrics import TurnMetrics
from travelbuddy.workflow.asking import Asking
from travelbuddy.workflow.contracts import CALL_MODEL, CallModelInput, CallToolInput
from travelbuddy.workflow.prompting import TodayFor, tools_used
from travelbuddy.workflow.texts import APOLOGY, AWAY, REFUSED, TOO_MANY_STEPS, USED_UP, WITHDRAWN, Budget
from travelbuddy.workflow.toolcalls import ToolCalls

log = structlog.get_logger(__name__)

Tallies = Callable[[str], Awaitable[Mapping[str, Tally]]]
"""The tallies of a user's sessions."""
KEEP, KEEP_SECONDS = 1_000, 5.0
"""Sessions as read by a first step, for the step that follows it at once."""
REFRESH_USER = timedelta(days=1)
REPLIES_TOPIC = "TravelBuddy.replies"


class TurnActivities:
    """``call_model`` and ``call_tool``, over what they need of the outside."""

    def __init__(
        self,
        *,
        lanes: Lanes,
        model: ChatModel,
        users: UserRecords,
        tools: ToolCalls,
        publisher: Publisher,
        feed: LiveTurns,
        clock: Callable[[], datetime],
        today: TodayFor,
        doors: OpenDoors | None = None,
        tallies: Tallies | None = None,
        metrics: TurnMetrics | None = None,
        assume_missing: bool = True,
    ) -> None:
        """``tallies`` is asked for a user's sessions where there is a budget of the day; see ASSUME_MISSING, too."""
        self._lanes = lanes
        self._asking = Asking(model, feed, tools, today, assume=assume_missing)
        self._users = users
        self._tools = tools
        self._publisher = publisher
        self._feed = feed
        self._clock = clock
        self._doors = doors or OpenDoors()
        self._tallies = tallies or _no_tallies
        self._metrics = metrics or Metrics().turns
        self._kept: TTLCache[str, Admitted] = TTLCache(KEEP, KEEP_SECONDS)

    async def call_model(self, turn_id: str, call: CallModelInput) -> ModelResult:
        """Ask the model when it is this turn's turn; commit when the answer calls no tool.

        Looks first whether the turn is done, so a repetition costs no model call and changes nothing. Trouble of the
        store or the model comes back as a value: the workflow decides when to try again.
        """
        turn = call.turn
        await self._doors.passed(turn_id)
        try:
            match self._kept.pop(turn_id, None) or await self._lanes.stand(
                turn.session_id, turn.user_id, turn.entry(turn_id), turn.if_busy
            ):
                case Queued(position):
                    self._feed.queued(turn_id, position, turn.follower)
                    return ModelResult(kind="queued", position=position)
                case Done(record):
                    turn_over(record)
                    return await self._reply(record, call)
                case Withdrawn():
                    return self._withdrawn()
                case Admitted() as admitted if turn.notice is not None:
                    told = notice_turn(admitted.session, turn.entry(turn_id), self._clock())
                    return await self._reply(await self._lanes.commit(told, admitted), call)
                case Admitted() as admitted:
                    if call.step == call.attempt == 1:
                        self._metrics.admitted((self._clock() - turn.accepted_at).total_seconds())
                    return await self._answer(turn_id, call, admitted)
        except TurnWithdrawn:
            return self._withdrawn()
        except TurnClosed:  # the record says how
            self._metrics.retried("store", "closed")
            return ModelResult(kind="retry", trouble="store", retry_after=0.1)
        except StoreUnavailable as down:
            log.warning("turn.store_unavailable", turn=turn_id, reason=str(down))
            self._metrics.retried("store", "unavailable")
            self._feed.waiting(turn_id, call, "store", down.retry_after)
            return ModelResult(kind="retry", trouble="store", retry_after=down.retry_after)

    async def call_tool(self, turn_id: str, request: CallToolInput) -> ToolResult:
        """Run one tool call that needs a durable step of its own."""
        return await self._tools.run(turn_id, request)

    def closed(self, turn_id: str) -> None:
        """The turn was closed early: its next step must look where it stands."""
        self._kept.pop(turn_id, None)

    async def _answer(self, turn_id: str, call: CallModelInput, admitted: Admitted) -> ModelResult:
        began = self._clock()
        if (used_up := await self._used_up(call, admitted, began)) is not None:
            step = self._step(call, began, error=f"token budget of the {used_up} used up")
            return await self._close(turn_id, call, admitted, step, "failed", USED_UP[used_up], {})
        if admitted.user is not None and began - admitted.user.updated_at > REFRESH_USER:
            await self._users.merge_user(call.turn.user_id, {})  # a regular's preferences must not expire
        try:
            asked = await self._asking.ask(turn_id, call, admitted)
        except (ModelUnavailable, ModelRefused) as trouble:
            step = self._step(call, began, error=trouble.brief)
            why = {"reason": trouble.reason, "error": trouble.brief, "said": trouble.said}
            log.warning("model.failed", turn=turn_id, attempt=call.attempt, **why)
            if isinstance(trouble, ModelRefused):
                apology, reason = REFUSED[trouble.reason], trouble.reason
                return await self._unanswered(turn_id, call, admitted, step, apology, reason)
            return await self._away(turn_id, call, admitted, step, trouble)
        answer = asked.answer
        step = self._step(call, began, tokens=asked.tokens, note=asked.note)
        if answer.tool_calls and not call.last_step:
            calls = unique_ids(answer.tool_calls, call.messages, call.step)
            message = Message(role="assistant", content=answer.content, timestamp=self._clock(), tool_calls=calls)
            self._feed.calls(turn_id, call.step, message, step)
            version = admitted.user.updated_at if admitted.user is not None else None
            results = await self._tools.run_local(turn_id, call, message, admitted)
            if results:  # nothing was changed, so what was read still holds when the next step follows at once
                self._kept[turn_id] = admitted
            return ModelResult(kind="tools", message=message, step=step, user_version=version, results=results)
        if asked.empty:
            step = step.model_copy(update={"error": "the model's answer was blank"})
            return await self._unanswered(turn_id, call, admitted, step, APOLOGY, "blank")
        if blank(answer.content):
            step = step.model_copy(update={"error": "step limit or token budget reached"})
            return await self._unanswered(turn_id, call, admitted, step, TOO_MANY_STEPS, "steps")
        return await self._close(turn_id, call, admitted, step, "answered", answer.content, {"model": answer.model})

    async def _away(
        self, turn_id: str, call: CallModelInput, admitted: Admitted, step: Step, trouble: ModelUnavailable
    ) -> ModelResult:
        """The model is away: ask again later, or close the turn where its tries or its patience are used up."""
        limits, now, held = call.turn.limits, self._clock(), trouble.reason == "breaker"
        since, named = call.away_since or step.started_at, trouble.retry_after
        if held:
            seconds = held_back(now, since, named or 0, limits.model_patience)
        else:
            seconds = after_failure(now, since, call.attempt, named, limits.model_patience)
        if seconds is not None and (held or not call.last_attempt):
            kind: Trouble = "breaker" if held else "model"
            tried = None if held else step
            self._metrics.retried("model", trouble.reason)
            self._feed.waiting(turn_id, call, kind, seconds, tried, since)
            return ModelResult(kind="retry", trouble=kind, retry_after=seconds, away_since=since, step=tried)
        text = APOLOGY
        if seconds is None:
            text, error = AWAY, f"{step.error}; the model was away for longer than MODEL_PATIENCE allows"
            step = step.model_copy(update={"error": error})
        return await self._unanswered(turn_id, call, admitted, step, text, "unavailable")

    async def _unanswered(
        self, turn_id: str, call: CallModelInput, admitted: Admitted, step: Step, apology: str, reason: str
    ) -> ModelResult:
        """End a turn that the model did not answer: with the offers that its searches have found, else as failed."""
        if (told := told_offers(call.messages)) is not None:
            return await self._close(turn_id, call, admitted, step, "answered", told, {"fallback": reason})
        return await self._close(turn_id, call, admitted, step, "failed", apology, {})

    async def _close(
        self,
        turn_id: str,
        call: CallModelInput,
        admitted: Admitted,
        step: Step,
        outcome: Outcome,
        content: str,
        metadata: dict[str, JsonValue],
    ) -> ModelResult:
        """Commit the turn with this reply, then send the reply out."""
        now, turn = self._clock(), call.turn
        timeline = (*call.timeline, step)
        metadata |= {
            "outcome": outcome,
            "tokens_used": tokens_of(timeline),
            "tools_used": tools_used(call.messages),
            "processing_time": round((now - turn.accepted_at).total_seconds(), 3),
        }
        record = TurnRecord(
            workflow_instance_id=turn_id,
            session_id=turn.session_id,
            user_id=turn.user_id,
            outcome=outcome,
            created_at=turn.accepted_at,
            completed_at=now,
            messages=(
                Message(role="user", content=turn.message, timestamp=turn.accepted_at),
                *call.messages,
                Message(role="assistant", content=content, timestamp=now, metadata=metadata),
            ),
            error=step.error if outcome == "failed" else None,
            timeline=timeline,
            trace=turn.trace,
            door=turn.door,
        )
        return await self._reply(await self._lanes.commit(record, admitted), call, step)

    async def _reply(self, record: TurnRecord, call: CallModelInput, step: Step | None = None) -> ModelResult:
        """The committed reply; published first when the message came by pub/sub (again after a crash: same id)."""
        self._feed.done(record, call.turn.accepted_by)
        if call.turn.reply_to is not None:
            data = {
                "text": record.reply.content,
                "recipient": call.turn.reply_to.recipient,
                "session_id": record.session_id,
                "workflow_instance_id": record.workflow_instance_id,
                "in_reply_to": call.turn.reply_to.in_reply_to,
            }
            await self._publisher.publish(REPLIES_TOPIC, data, event_id=record.workflow_instance_id)
            self._metrics.published()
        return ModelResult(kind="done", message=record.reply, outcome=record.outcome, step=step)

    async def _used_up(self, call: CallModelInput, admitted: Admitted, now: datetime) -> Budget | None:
        """Which budget is used up before this turn has begun."""
        limits = call.turn.limits
        if call.step > 1:
            return None
        if limits.max_session_tokens is not None and admitted.session.tokens_used >= limits.max_session_tokens:
            return "session"
        if limits.max_day_tokens is None:
            return None
        tallies = (await self._tallies(call.turn.user_id)).values()
        return "day" if tokens_on(now.astimezone(UTC).date(), tallies) >= limits.max_day_tokens else None

    def _withdrawn(self) -> ModelResult:
        message = Message(role="assistant", content=WITHDRAWN, timestamp=self._clock())
        return ModelResult(kind="withdrawn", message=message)

    def _step(
        self,
        call: CallModelInput,
        began: datetime,
        *,
        tokens: int | None = None,
        error: str | None = None,
        note: str | None = None,
    ) -> Step:
        return finished_step(
            CALL_MODEL,
            began,
            self._clock(),
            asked_at=call.asked_at,
            attempt=call.attempt,
            tokens=tokens,
            error=error,
            note=note,
        )


async def _no_tallies(user_id: str) -> Mapping[str, Tally]:
    return {}
