"""Which spans there are in a turn's trace, and what they say: names of OpenTelemetry's conventions where it has some.

No text of a message, no user id, no key of a record, no argument or result of a tool is in any of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from structlog.contextvars import bind_contextvars

from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.steps import tokens_of
from travelbuddy.domain.turn import ModelResult, ToolResult
from travelbuddy.telemetry.first_text import timed
from travelbuddy.telemetry.tracing import NOTHING, Span, Value, recorder, span
from travelbuddy.workflow.contracts import CallModelInput, CallToolInput

AGENT = "TravelBuddy"
PROVIDER = "openai"
"""Whose protocol the model's server speaks."""
WORTH_SHOWING = timedelta(milliseconds=100)
"""A turn for which nothing was done for less than this did not wait."""
_OWN = {"answered", "failed"}
"""Outcomes that a turn's own step commits."""


def about(turn_id: str, session_id: str) -> None:
    """The door's span, and its lines in the log, are about this turn."""
    bind_contextvars(turn=turn_id)
    if (otel := recorder()) is not None:
        otel.say({"travelbuddy.turn.id": turn_id, "gen_ai.conversation.id": session_id})


def message_received(
    topic: str, event: Mapping[str, object], headers: Mapping[str, str]
) -> AbstractContextManager[Span]:
    """The door of pub/sub. The sidecar's header names its own span, which comes after the event's."""
    if (otel := recorder()) is None:
        return NOTHING
    attributes: dict[str, Value] = {
        "messaging.system": "dapr",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
    }
    return otel.enter(f"process {topic}", "consumer", attributes, headers if "traceparent" in headers else event)


def activity(
    name: str, turn_id: str, call: CallModelInput | CallToolInput, execution: str, link: str
) -> AbstractContextManager[Span]:
    """A step of a turn. ``link`` is the engine's own span for it. A turn is traced from its door on, or not at all."""
    where = call.turn if isinstance(call, CallModelInput) else call
    if (otel := recorder()) is None or not where.trace:
        return NOTHING
    attributes: dict[str, Value] = {
        "travelbuddy.turn.id": turn_id,
        "gen_ai.conversation.id": where.session_id,
        "travelbuddy.step": call.step,
    }
    if isinstance(call, CallModelInput):
        attributes["travelbuddy.attempt"] = call.attempt
    return otel.enter(name, "internal", attributes, where.trace, turn_id=turn_id, execution=execution, link=link)


def came_out(step: Span, result: ModelResult | ToolResult) -> None:
    """Say what a step has come to: for a turn that waits, where; for one that tries again, why."""
    if isinstance(result, ToolResult):
        return
    told: dict[str, Value] = {"travelbuddy.result": result.kind}
    if result.kind == "queued":
        told["travelbuddy.lane.position"] = result.position
    if result.kind == "retry":
        step.fail(f"{result.trouble}_trouble")
        if result.retry_after is not None:
            told["travelbuddy.retry_after"] = result.retry_after
    step.set(told)


def tool(name: str, call_id: str) -> AbstractContextManager[Span]:
    """A tool is run."""
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": call_id,
        "gen_ai.tool.type": "function",
    }
    return span(f"execute_tool {name}", "internal", attributes)


def tool_said(used: Span, content: str) -> None:
    """Say of a tool's error which kind it is."""
    if content.startswith('{"error": {"type": '):
        used.fail(str(json.loads(content)["error"]["type"]))


def store(operation: str, store_name: str, keys: int) -> AbstractContextManager[Span]:
    """A request to the state store, with its further tries."""
    attributes: dict[str, Value] = {
        "db.system.name": "dapr",
        "db.namespace": store_name,
        "db.operation.name": operation,
        "db.operation.batch.size": keys,
    }
    return span(f"{operation} {store_name}", "client", attributes)


def engine(request: str, workflow: str = "turn") -> AbstractContextManager[Span]:
    """A request to the workflow engine."""
    return span(f"{request} workflow", "client", {"rpc.system.name": "grpc", "gen_ai.workflow.name": workflow})


def publish(topic: str, pubsub: str) -> AbstractContextManager[Span]:
    """A message is sent."""
    attributes: dict[str, Value] = {
        "messaging.system": "dapr",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        "messaging.destination.pubsub": pubsub,
    }
    return span(f"publish {topic}", "producer", attributes)


def chat(model: str, url: str) -> AbstractContextManager[Span]:
    """The model is asked."""
    where = urlsplit(url)
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": model,
        "gen_ai.request.stream": True,
        "server.address": where.hostname or "",
        "server.port": where.port or (443 if where.scheme == "https" else 80),
    }
    return span(f"chat {model}", "client", attributes)


def first_text(asked: Span, on_text: Callable[[str], None] | None) -> Callable[[str], None]:
    """``on_text``, and the time of its first piece is noted."""
    return timed(on_text, lambda seconds: asked.set({"gen_ai.response.time_to_first_chunk": seconds}))


def answered(asked: Span, answer: ModelAnswer) -> None:
    """Say what the model's answer was like."""
    asked.set(
        {
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": (answer.finish_reason,),
            "gen_ai.usage.input_tokens": answer.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.tokens - answer.prompt_tokens,
        }
    )


def turn_over(turn: TurnRecord, committed: datetime | None = None) -> None:
    """The turn's own span, to its commit, and what it waited for: from its record, so the same whoever tells it.

    Without the time of the commit the turn was found done: its own step may have died right after it. Whoever cancels
    or interrupts a turn is no step of it, and has told it.
    """
    if (otel := recorder()) is None or not turn.trace or (committed is None and turn.outcome not in _OWN):
        return
    turn_id = turn.workflow_instance_id
    error = turn.outcome if turn.outcome == "failed" else ""
    times = (turn.created_at, committed or turn.completed_at)
    otel.record(f"invoke_agent {AGENT}", _of_turn(turn), turn.trace, turn_id, times, error=error)
    for number, (name, began, ended) in enumerate(waits(turn)):
        otel.record(name, {}, turn.trace, turn_id, (began, ended), part=f"wait {number}")


def _of_turn(turn: TurnRecord) -> dict[str, Value]:
    model = turn.reply.metadata.get("model") if turn.reply.metadata else None
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.agent.name": AGENT,
        "gen_ai.conversation.id": turn.session_id,
        "travelbuddy.turn.id": turn.workflow_instance_id,
        "travelbuddy.outcome": turn.outcome,
        "travelbuddy.tokens": tokens_of(turn.timeline),
        "travelbuddy.steps": len(turn.timeline),
        **({"gen_ai.response.model": str(model)} if model else {}),
    }


def waits(turn: TurnRecord) -> Iterator[tuple[str, datetime, datetime]]:
    """When nothing was done for the turn: in its session's lane, and between a failed try and the next."""
    free_since, why = turn.created_at, "wait in lane"
    for step in turn.timeline:
        if why and step.started_at - free_since > WORTH_SHOWING:
            yield why, free_since, step.started_at
        free_since = step.started_at + timedelta(milliseconds=step.duration_ms)
        why = "wait to try again" if step.error is not None else ""
