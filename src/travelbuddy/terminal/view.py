"""What is shown of turns, sessions and preferences. Pure: objects of the service in, things to print out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from travelbuddy.terminal.offers import Offers
from travelbuddy.terminal.prose import prose
from travelbuddy.terminal.texts import one_line, shown
from travelbuddy.terminal.turn import Call, Turn

Json = Mapping[str, Any]
SHORT = 56
_MARKS = {"answered": "tb.ok", "failed": "tb.bad", "cancelled": "tb.note", "interrupted": "tb.note"}


def activity(turn: Turn, seconds: float) -> Text:
    """What the agent is doing now, in one line; ``seconds`` is how long it has been doing it."""
    said = Text(_doing(turn), "tb.quiet", no_wrap=True, overflow="ellipsis")
    if seconds >= 1:
        said.append(f"  {seconds:.0f} s")
    return said


def _doing(turn: Turn) -> str:
    if turn.state == "sending":
        return f"waiting: {one_line(turn.doing)}" if turn.doing else "sending"
    if turn.state == "reconnecting":
        return "reconnecting…"
    if turn.state == "queued":
        ahead = turn.queue_position or 1
        return f"queued, {ahead} message{'s' if ahead > 1 else ''} before it"
    if turn.state == "paused":
        return "paused"
    if turn.doing == "using tools":
        return "; ".join(called(call) for call in turn.steps[-1].calls) if turn.steps else "using tools"
    if waits(turn):
        return one_line(turn.doing) + _reason(turn)
    doing = one_line(turn.doing or "").partition(" (")[0]  # the engine's own words, "thinking (step 1, attempt 1)"
    if doing not in {"", "asking the model", "thinking"}:
        return doing
    attempt = f", try {turn.attempt}" if turn.attempt and turn.attempt > 1 else ""
    return ("answering" if turn.text else "thinking") + attempt


def waits(turn: Turn) -> bool:
    """Whether a failed try is waited after, before the next."""
    return (turn.doing or "").startswith("waiting")


def _reason(turn: Turn) -> str:
    """Why: the last entry of the timeline has it."""
    error = turn.timeline[-1].get("error") if turn.timeline else None
    return f": {one_line(error, SHORT)}" if error else ""


def called(call: Call) -> str:
    """A tool call in words."""
    arguments = call.arguments
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            arguments = {}
    values = arguments.values() if isinstance(arguments, dict) else ()
    return f"{one_line(call.name).replace('_', ' ')}: {one_line(', '.join(map(str, values)), SHORT)}"


def happened(step: Json) -> Text | None:
    """What is worth a line of the conversation: a try that failed, a step that was held up."""
    name = one_line(step.get("name", "step")).replace("_", " ")
    whose = "" if name == "call model" else f"{name}, "
    if step.get("error"):
        return Text(f"{whose}try {step.get('attempt', 1)}: {one_line(step['error'], 160)}", "tb.note")
    if step.get("held_up_ms"):
        return Text(f"{whose}held up for {took(step['held_up_ms'])}", "tb.note")
    return None


def timeline(steps: Iterable[Json]) -> Table:
    """The steps of a turn: when each began, how long it took, and what went wrong."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="tb.head", pad_edge=False)
    table.add_column("Step", overflow="fold")
    for name in ("Try", "Began", "Took", "Tokens"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for step in steps:
        helped = [one_line(step["note"])] if step.get("note") else []
        held_up = [f"held up {took(step['held_up_ms'])}"] if step.get("held_up_ms") else []
        held = "; ".join(held_up + helped)
        note = Text(held, "tb.note")
        if step.get("error"):
            note = Text("; ", "tb.note").join([*([note] if held else []), Text(one_line(step["error"]), "tb.bad")])
        began, tokens = step.get("started_at"), step.get("tokens")
        cells = (str(step.get("attempt") or 1), clock(began), took(step.get("duration_ms")))
        table.add_row(one_line(step.get("name", "")), *cells, "" if tokens is None else str(tokens), note)
    return table


def state(answer: Json, *, reply: bool = True) -> Group:
    """A turn as ``GET /workflows/{id}`` tells it."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="tb.quiet", no_wrap=True)
    facts.add_column(overflow="fold")
    for key, value in answer.items():
        if key in {"timeline", "response", "created_at", "updated_at"} or value is None:
            continue
        facts.add_row(key.replace("_", " "), Text(one_line(value), _MARKS.get(str(value), "")))
    parts: list[RenderableType] = [facts]
    if steps := [step for step in answer.get("timeline") or () if isinstance(step, dict)]:
        parts += ["", timeline(steps)]
    if reply and answer.get("response"):
        parts += ["", *map(prose, shown(plain(answer["response"])).splitlines())]
    return Group(*parts)


def watched(turn: Turn) -> Group:
    """A turn that is being followed: its state, its steps so far, what it is doing now."""
    said = Text(one_line(turn.id), "tb.quiet").append("  ").append(turn.state, _MARKS.get(turn.state, "tb.note"))
    steps = [timeline(turn.timeline)] if turn.timeline else []
    return Group(said, *steps, activity(turn, 0))


def ending(turn: Turn) -> Text:
    """How a turn ended, and what it took."""
    said: list[str] = [] if turn.state == "answered" else [turn.state]
    if turn.error and turn.error != turn.text:
        said.append(one_line(turn.error))
    took_seconds, tokens, model = (turn.metadata.get(k) for k in ("processing_time", "tokens_used", "model"))
    if isinstance(took_seconds, int | float):
        said.append(f"{took_seconds:.1f} s")
    said += [f"{tokens} tokens"] if tokens else []
    said += [one_line(model)] if model else []
    return Text(" · ".join(said), "tb.quiet" if turn.state == "answered" else _MARKS.get(turn.state, ""))


def tables(offers: Json | None) -> list[Offers]:
    """The searches of a turn, in their order."""
    return [Offers(found) for found in (*(offers.get("earlier") or ()), offers)] if offers else []


def sessions(found: Sequence[Json], here: str | None = None) -> Table:
    """Sessions, numbered."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="tb.head", pad_edge=False)
    table.add_column("", justify="right", style="tb.mark")
    table.add_column("Session", overflow="fold")
    table.add_column("About", overflow="ellipsis", no_wrap=True)
    table.add_column("Messages", justify="right")
    table.add_column("Last", no_wrap=True)
    for number, session in enumerate(found, 1):
        name = Text(one_line(session.get("session_id", "")), "tb.title" if session.get("session_id") == here else "")
        about = one_line(session.get("title") or "", SHORT)
        count = str(session.get("message_count", ""))
        table.add_row(str(number), name, about, count, clock(session.get("last_activity"), day=True))
    return table


def conversation(turns: Iterable[Json]) -> Iterable[RenderableType]:
    """Turns of a history: who said what, the offers as tables, and how a turn ended that was not answered."""
    for turn in turns:
        messages = turn.get("messages") or ()
        for message in messages:
            if message.get("role") == "user":
                yield Text(f"› {shown(message.get('content') or '')}", "tb.you", overflow="fold")
        replies = [one for one in messages if one.get("role") == "assistant" and one.get("content")]
        yield from map(prose, shown(replies[-1]["content"]).splitlines() if replies else ())
        yield from tables(turn.get("offers"))
        if turn.get("outcome") not in {None, "answered"}:
            yield Text(" · ".join(one_line(turn[key]) for key in ("outcome", "error") if turn.get(key)), "tb.note")
        yield ""


def preferences(user: Json) -> RenderableType:
    """What is remembered of a user."""
    known = user.get("preferences") or {}
    if not known:
        return Text("Nothing is remembered yet.", "tb.quiet")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="tb.quiet", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in sorted(known.items()):
        table.add_row(one_line(key), Text(one_line(value)))
    return table


def plain(value: object) -> str:
    """A reply as its text."""
    return str(value["content"]) if isinstance(value, dict) and "content" in value else str(value)


def took(milliseconds: object) -> str:
    """A duration."""
    if not isinstance(milliseconds, int | float):
        return ""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def clock(moment: object, *, day: bool = False) -> str:
    """A moment by this machine's clock."""
    try:
        there = datetime.fromisoformat(str(moment)).astimezone()
    except ValueError:
        return ""
    return f"{there.day} {there:%b %H:%M}" if day else f"{there:%H:%M:%S}"
