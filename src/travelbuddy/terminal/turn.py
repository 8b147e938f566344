"""A turn as its events tell it. Pure: ``reduce`` makes a new one for each event, as the page's reducer does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from travelbuddy.terminal.sse import Event

State = Literal[
    "sending", "queued", "running", "paused", "reconnecting", "answered", "failed", "interrupted", "cancelled"
]
ENDED: frozenset[str] = frozenset({"answered", "failed", "interrupted", "cancelled"})
OPEN: frozenset[str] = frozenset({"queued", "running", "paused"})
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A tool call of the model; ``result`` is None until it is known."""

    id: str
    name: str
    arguments: Any
    result: Any = None


@dataclass(frozen=True)
class Said:
    """What the model said in its ``n``-th answer, and the tools it called."""

    n: int
    text: str = ""
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Turn:
    """Everything known of a turn. ``connection`` holds ``(seconds, "lost" or "back")``."""

    message: str = ""
    id: str = ""
    session_id: str = ""
    state: State = "sending"
    queue_position: int | None = None
    doing: str | None = None
    step: int | None = None
    attempt: int | None = None
    restarted: int = 0
    steps: tuple[Said, ...] = ()
    timeline: tuple[Json, ...] = ()
    text: str = ""
    offers: Json | None = None
    metadata: Json = field(default_factory=dict)
    error: str | None = None
    last_event_id: str = ""
    connection: tuple[tuple[float, str], ...] = ()

    @property
    def ended(self) -> bool:
        """True when it has its outcome."""
        return self.state in ENDED


def reduce(turn: Turn, event: Event) -> Turn:
    """The turn after the event. Besides the stream's own there are ``lost`` and ``back``, told by who follows it."""
    if event.id:
        turn = replace(turn, last_event_id=event.id)
    change = _CHANGES.get(event.name)
    return turn if change is None or turn.ended else change(turn, event.data)


def _status(turn: Turn, data: Json) -> Turn:
    state = str(data.get("state"))
    if isinstance(data.get("timeline"), list):
        turn = replace(turn, timeline=tuple(step for step in data["timeline"] if isinstance(step, dict)))
    if state == "following":
        return replace(
            turn,
            id=str(data.get("workflow_instance_id") or turn.id),
            session_id=str(data.get("session_id") or turn.session_id),
            state="running" if turn.state in {"sending", "reconnecting"} else turn.state,
        )
    if state == "restarted":
        return _said_anew(turn, int(data.get("step") or 1))
    if state == "resume":
        return replace(turn, state="reconnecting")
    if state not in OPEN:
        return turn
    return replace(
        turn,
        state=cast("State", state),
        queue_position=data.get("queue_position") if state == "queued" else None,
        doing=data.get("doing"),
        step=data.get("step"),
        attempt=data.get("attempt"),
    )


def _said_anew(turn: Turn, n: int) -> Turn:
    steps = (*(said for said in turn.steps if said.n < n), Said(n))
    return replace(turn, steps=steps, text="", restarted=turn.restarted + 1)


def _token(turn: Turn, data: Json) -> Turn:
    said = _step(turn, data)
    return _with(turn, replace(said, text=said.text + str(data.get("text", ""))))


def _tool_call(turn: Turn, data: Json) -> Turn:
    said = _step(turn, data)
    call = Call(str(data.get("id")), str(data.get("name")), data.get("arguments"))
    return _with(turn, replace(said, calls=(*(known for known in said.calls if known.id != call.id), call)))


def _tool_result(turn: Turn, data: Json) -> Turn:
    said = _step(turn, data)
    calls = (replace(c, result=data.get("result")) if c.id == data.get("tool_call_id") else c for c in said.calls)
    return _with(turn, replace(said, calls=tuple(calls)))


def _message(turn: Turn, data: Json) -> Turn:
    metadata = data.get("metadata") or {}
    outcome = metadata.get("outcome")
    return replace(
        turn,
        state=outcome if outcome in ENDED else "answered",
        queue_position=None,
        doing=None,
        text=str(data.get("response") or ""),
        offers=metadata.get("offers"),
        metadata=metadata,
        error=metadata.get("error"),
    )


def ends(event: Event) -> bool:
    """Whether it is an ``error`` after which asking again is no use."""
    return event.name == "error" and int(event.data.get("status") or 500) not in PASSING


def _error(turn: Turn, data: Json) -> Turn:
    """Trouble of the service passes and is waited for; anything else ends the turn as far as we can see it."""
    if not ends(Event("error", dict(data))):
        return replace(turn, state="reconnecting")
    return replace(turn, state="failed", error=str(data.get("detail") or data.get("title") or "unknown"))


def _lost(turn: Turn, data: Json) -> Turn:
    doing = data.get("reason")
    if turn.state == "sending":
        return replace(turn, doing=doing)
    return replace(turn, state="reconnecting", connection=(*turn.connection, (float(data.get("at", 0)), "lost")))


def _back(turn: Turn, data: Json) -> Turn:
    lost = bool(turn.connection) and turn.connection[-1][1] == "lost"
    return replace(turn, connection=(*turn.connection, (float(data.get("at", 0)), "back"))) if lost else turn


def _step(turn: Turn, data: Json) -> Said:
    n = int(data.get("step") or 1)
    return next((said for said in turn.steps if said.n == n), Said(n))


def _with(turn: Turn, said: Said) -> Turn:
    """The turn with this step as its newest version; the last step's text is the reply so far."""
    steps = sorted((*(one for one in turn.steps if one.n != said.n), said), key=lambda one: one.n)
    return replace(turn, steps=tuple(steps), text=steps[-1].text)


PASSING = frozenset({429, 500, 502, 503, 504})
"""HTTP statuses after which asking again is worth it."""
_CHANGES = {
    "status": _status,
    "token": _token,
    "tool_call": _tool_call,
    "tool_result": _tool_result,
    "message": _message,
    "error": _error,
    "lost": _lost,
    "back": _back,
}
