"""One turn as a pure state machine: ``next_step`` decides, ``fold_*`` takes in what an activity said.

    CallModel ──tool_calls──▶ CallTools ──▶ CallModel … ──done──▶ Finish      (local tools: CallModel ──▶ CallModel)
        │  ▲
        └──┴ queued: AwaitTurn    retry: Backoff    after many of these: StartOver

The workflow is nothing but a loop over ``next_step``, so every rule about attempts and limits is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.domain.conversation import Outcome
from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.patience import Trouble, backoff
from travelbuddy.domain.steps import Step, bounded, tokens_of

MAX_WAITS = 50
"""Waits after which the workflow begins anew with an empty history, so that hours cost no more than minutes."""
MAX_DEFECTS = 10
"""How often in a row the activity of one step may break down by an exception of ours; then the workflow fails."""


class ToolResult(BaseModel):
    """A tool's answer as the message that goes to the model."""

    model_config = ConfigDict(frozen=True)

    message: Message
    step: Step


class ModelResult(BaseModel):
    """What ``call_model`` came to.

    kind      carries
    queued    position: the turns before this one in the session
    withdrawn message: the turn was refused or erased; it ends and leaves nothing behind
    retry     retry_after, trouble: trouble with the model uses up an attempt, "breaker" and "store" do not;
              away_since: since when the model is away
    tools     message: the assistant message with its tool calls; user_version: the user's record as the prompt saw it;
              results: the answers to all calls, where they were had on the spot
    done      message and outcome as committed, by this execution or an earlier one
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["queued", "retry", "tools", "done", "withdrawn"]
    position: int = 0
    trouble: Trouble = "model"
    retry_after: float | None = None
    away_since: datetime | None = None
    message: Message | None = None
    outcome: Outcome | None = None
    step: Step | None = None
    user_version: datetime | None = None
    results: tuple[ToolResult, ...] = ()


class Limits(BaseModel):
    """How far one turn may go."""

    model_config = ConfigDict(frozen=True)

    max_steps: int = Field(8, ge=1)
    model_attempts: int | None = Field(None, ge=1)
    """Tries of one question to the model, where they are bounded."""
    model_patience: float = Field(900, gt=0)
    """Seconds for which the model may be away before the turn fails."""
    max_tokens: int | None = Field(None, ge=1)
    """Tokens of one turn, once used, after which the next model call is the last: it gets no tools."""
    max_session_tokens: int | None = Field(None, ge=1)
    """Tokens of a session's committed turns from which on a new turn is closed without a model call."""
    max_day_tokens: int | None = Field(None, ge=1)
    """The same of all of the user's sessions on one day (UTC)."""


class Progress(BaseModel):
    """How far a turn has come. ``messages`` are the assistant tool calls and tool results of this turn so far."""

    model_config = ConfigDict(frozen=True)

    step: int = 1
    attempt: int = 1
    store_waits: int = 0
    away_since: datetime | None = None
    """Since when the model is away: the beginning of the first failed try of this step."""
    defects: int = 0
    """How often in a row the activity of this step broke down by an exception of ours."""
    messages: tuple[Message, ...] = ()
    timeline: tuple[Step, ...] = ()


NOT_BEGUN = Progress()


@dataclass(frozen=True)
class TurnState:
    """Where a turn stands: its progress, what the last activity said, and how often this instance has waited."""

    limits: Limits
    progress: Progress = NOT_BEGUN
    waits: int = 0
    last: ModelResult | None = None

    @property
    def step(self) -> int:
        """The number of the next question to the model, from 1."""
        return self.progress.step

    @property
    def attempt(self) -> int:
        """The number of the next try of that question, from 1."""
        return self.progress.attempt

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn's tool calls and results so far."""
        return self.progress.messages

    @property
    def timeline(self) -> tuple[Step, ...]:
        """The steps that are finished."""
        return self.progress.timeline


@dataclass(frozen=True)
class CallModel:
    """Ask the model. On ``last_step`` it gets no tools; on ``last_attempt`` a failure is committed as the outcome."""

    step: int
    attempt: int
    last_step: bool
    last_attempt: bool


@dataclass(frozen=True)
class CallTools:
    """Run these calls at once."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True)
class AwaitTurn:
    """Wait to be admitted; ``position`` turns of the session come first."""

    position: int


@dataclass(frozen=True)
class Backoff:
    """Wait ``seconds`` before the next try."""

    seconds: float
    trouble: Trouble
    next_attempt: int
    since: datetime | None = None


@dataclass(frozen=True)
class StartOver:
    """Begin the workflow anew with an empty history; the turn's progress goes along."""


@dataclass(frozen=True)
class Finish:
    """The turn is committed and ``message`` is the reply, or it is withdrawn and ``message`` says so."""

    message: Message
    outcome: Outcome | Literal["withdrawn"]


Decision = CallModel | CallTools | AwaitTurn | Backoff | StartOver | Finish


def next_step(state: TurnState) -> Decision:
    """What the workflow does next. Pure: the same state gives the same decision on every replay."""
    last = state.last
    if last is None:
        return StartOver() if state.waits > MAX_WAITS else _call_model(state)
    if last.kind == "queued":
        return AwaitTurn(last.position)
    if last.kind == "retry":
        progress = state.progress
        tries = {"store": progress.store_waits, "defect": progress.defects}.get(last.trouble, state.attempt - 1)
        since = progress.away_since if last.trouble in {"model", "breaker"} else None
        return Backoff(backoff(tries, last.retry_after), last.trouble, state.attempt, since)
    if last.message is None or (last.kind == "done" and last.outcome is None):
        raise ValueError(f"a result of kind {last.kind} carries a message")
    if last.kind == "tools":
        return CallTools(last.message.tool_calls or ())
    if last.kind == "withdrawn":
        return Finish(last.message, "withdrawn")
    assert last.outcome is not None  # noqa: S101  checked above; tells the type checker
    return Finish(last.message, last.outcome)


def waited(state: TurnState) -> TurnState:
    """After AwaitTurn or Backoff: ready to ask the model again."""
    return replace(state, last=None, waits=state.waits + 1)


def fold_model(state: TurnState, result: ModelResult) -> TurnState:
    """Take in what ``call_model`` came to."""
    state = replace(state, last=result)
    if result.step is not None:
        state = _with(state, timeline=bounded((*state.timeline, result.step)))
    defects = state.progress.defects + 1 if result.kind == "retry" and result.trouble == "defect" else 0
    state = _with(state, defects=defects)
    if result.kind == "retry":
        state = _with(state, away_since=result.away_since or state.progress.away_since)
        if result.trouble == "store":
            return _with(state, store_waits=state.progress.store_waits + 1)
        return _with(state, attempt=_next_attempt(state)) if result.trouble != "breaker" else state
    state = _with(state, store_waits=0)
    return fold_tools(state, result.results) if result.results else state


def fold_tools(state: TurnState, results: Sequence[ToolResult]) -> TurnState:
    """Take in the answers to all calls of the last assistant message, in the order of the calls."""
    if state.last is None or state.last.message is None:
        raise ValueError("tool results without a tool call")
    return replace(
        _with(
            state,
            step=state.step + 1,
            attempt=1,
            away_since=None,
            messages=(*state.messages, state.last.message, *(result.message for result in results)),
            timeline=(*state.timeline, *(result.step for result in results)),
        ),
        last=None,
    )


def _with(state: TurnState, **changes: object) -> TurnState:
    """The state with this progress."""
    return replace(state, progress=state.progress.model_copy(update=changes))


def _call_model(state: TurnState) -> CallModel:
    return CallModel(
        step=state.step,
        attempt=state.attempt,
        last_step=state.step >= state.limits.max_steps or _used_up(state),
        last_attempt=state.limits.model_attempts is not None and state.attempt >= state.limits.model_attempts,
    )


def _next_attempt(state: TurnState) -> int:
    bound = state.limits.model_attempts
    return state.attempt + 1 if bound is None else min(state.attempt + 1, bound)


def _used_up(state: TurnState) -> bool:
    budget = state.limits.max_tokens
    return budget is not None and tokens_of(state.timeline) >= budget
