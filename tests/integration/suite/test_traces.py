"""Traces in a real backend: one for each turn, whole, across replicas, retries and kills; and nothing private in it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.integration.framework.client import User, listening
from tests.integration.framework.jaeger import Jaeger, Json
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Fail, Request, Say, ScriptedModel, one_search
from tests.integration.framework.stack import Stack

from travelbuddy.runtime.ports import PortPlan

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="a store is a span, whichever it is"),
]

APP, SIDECAR = "travelbuddy", "travelbuddy-daprd"
STORED = 20.0
"""Seconds until the backend has a trace."""
PROMPT = {"OTEL_BSP_SCHEDULE_DELAY": "500"}
"""Milliseconds between what the sidecars send; five seconds else."""
WORDS = "Find flights to Paris for Zaphod Beeblebrox"


@dataclass(frozen=True)
class Traced:
    """Two replicas whose traces go to a Jaeger."""

    stack: Stack
    model: ScriptedModel
    jaeger: Jaeger

    async def whole(self, trace_id: str, *names: str) -> Trace:
        """The trace, once it has these spans, their parents and whatever they name: each process sends its own."""

        async def look() -> Trace | None:
            trace = Trace(await self.jaeger.trace(trace_id))
            return trace if all(map(trace.named, names)) and not trace.orphans() else None

        return await poll_until(look, STORED, f"trace {trace_id} has {names} and no orphan")


class Trace:
    """The spans of one trace as the backend has them."""

    def __init__(self, stored: Json) -> None:
        self.spans = [Span(span, stored["processes"]) for span in stored["spans"]]
        self.by_id = {span.id: span for span in self.spans}

    def named(self, name: str) -> list[Span]:
        """The spans of this name, oldest first."""
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.began)

    def one(self, name: str) -> Span:
        """The only span of this name."""
        (span,) = self.named(name)
        return span

    def orphans(self, *, under_way: str | None = None) -> list[str]:
        """The spans that name one which is not there, as parent or as link; the first may have a parent outside.

        ``under_way`` is the id of a span that has not ended yet.
        """
        there = {*self.by_id, OUTSIDE, under_way, None}
        return [span.name for span in self.spans if not there.issuperset([span.parent, *span.links])]

    def path(self, span: Span) -> list[str]:
        """The names from the top of the trace down to this span."""
        above = self.by_id.get(span.parent or "")
        return [*(self.path(above) if above else []), span.name]


class Span:
    """One span: its name, who made it, and what it says."""

    def __init__(self, stored: Json, processes: Json) -> None:
        self.name: str = stored["operationName"]
        self.id: str = stored["spanID"]
        self.began: int = stored["startTime"]
        self.seconds: float = stored["duration"] / 1e6
        parents = [r["spanID"] for r in stored["references"] if r["refType"] == "CHILD_OF"]
        self.parent: str | None = parents[0] if parents else None
        self.links = [r["spanID"] for r in stored["references"] if r["refType"] == "FOLLOWS_FROM"]
        self.said: dict[str, Any] = {tag["key"]: tag["value"] for tag in stored["tags"]}
        process = processes[stored["processID"]]
        self.service: str = process["serviceName"]
        self.process: dict[str, Any] = {tag["key"]: tag["value"] for tag in process["tags"]}

    @property
    def replica(self) -> str:
        """Which of several it was."""
        return str(self.process["service.instance.id"])


OUTSIDE = "b7ad6b7169203331"
"""The span of a caller, which it keeps to itself."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traced_stack(dapr_runtime: None) -> AsyncIterator[Traced]:
    """Two replicas, a scripted model and a Jaeger, shared by the tests of this file."""
    with ScriptedModel() as model:
        async with Jaeger() as jaeger:
            env = {**model.env, "OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.url, "LOG_FORMAT": "json", **PROMPT}
            async with Stack(env=env, options=("--replicas=2",)) as stack:
                yield Traced(stack, model, jaeger)


@pytest.fixture
def traced(traced_stack: Traced) -> Iterator[Traced]:
    """The same, the script as new before and after the test."""
    traced_stack.model.reset()
    yield traced_stack
    traced_stack.model.reset()


async def _chat(traced: Traced, session: str, text: str, trace_id: str, **more: Any) -> httpx.Response:
    """Send a message as a caller that traces."""
    body = {"user_id": "zaphod", "session_id": session, "message": text, **more}
    headers = {"traceparent": f"00-{trace_id}-{OUTSIDE}-01"}
    async with httpx.AsyncClient(timeout=30) as http:
        return await http.post(f"{traced.stack.app_url}/chat", json=body, headers=headers)


def _lines(stack: Stack, *names: str) -> list[Json]:
    """The lines of these logs that are JSON."""
    found: list[Json] = []
    for path in (stack.data_dir / "logs" / name for name in names):
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            with suppress(ValueError):
                found.append(json.loads(line[line.index("{") :]))
    return found


async def test_the_trace_of_a_turn_is_whole(traced: Traced) -> None:
    """From the caller's span down to model, tool, store and engine: every span, its kind, its place, what it says."""
    trace_id = os.urandom(16).hex()
    answer = await _chat(traced, "whole", WORDS, trace_id)
    assert answer.headers["traceresponse"].split("-")[1] == trace_id
    turn_id = answer.json()["metadata"]["workflow_instance_id"]
    trace = await traced.whole(trace_id, "orchestration||turn", "invoke_agent TravelBuddy")

    door, turn = trace.one("POST /chat"), trace.one("invoke_agent TravelBuddy")
    assert (door.parent, door.said["span.kind"], door.said["http.response.status_code"]) == (OUTSIDE, "server", 200)
    assert (turn.parent, turn.said["span.kind"], turn.said["travelbuddy.outcome"]) == (door.id, "internal", "answered")
    assert (turn.said["gen_ai.operation.name"], turn.said["gen_ai.agent.name"]) == ("invoke_agent", "TravelBuddy")
    assert (turn.said["gen_ai.conversation.id"], turn.said["travelbuddy.turn.id"]) == ("whole", turn_id)
    assert turn.said["travelbuddy.tokens"] == 30

    steps = trace.named("call_model")
    assert [(s.parent, s.said["travelbuddy.step"], s.said["travelbuddy.result"]) for s in steps] == [
        (turn.id, 1, "tools"),
        (turn.id, 2, "done"),
    ]
    engines = trace.named("activity||call_model")
    assert [step.links for step in steps] == [[engine.id] for engine in engines], "each names the engine's span for it"

    chats = trace.named("chat scripted-1")
    assert [(c.parent, c.said["span.kind"]) for c in chats] == [(step.id, "client") for step in steps]
    assert [(c.said["gen_ai.usage.input_tokens"], c.said["gen_ai.usage.output_tokens"]) for c in chats] == [(10, 5)] * 2
    assert [c.said["gen_ai.response.finish_reasons"] for c in chats] == ['["tool_calls"]', '["stop"]']
    assert {c.said["gen_ai.response.model"] for c in chats} == {"scripted-1"}
    assert "gen_ai.response.time_to_first_chunk" in chats[1].said
    assert traced.model.traces == [f"00-{trace_id}-{c.id}-01" for c in chats], "the model's server is told its span"

    tool = trace.one("execute_tool search_flights")
    assert (tool.parent, tool.said["gen_ai.tool.name"]) == (steps[0].id, "search_flights")

    commit = trace.one("transact conversationstore")
    assert (commit.parent, commit.said["span.kind"], commit.said["db.operation.name"]) == (
        steps[1].id,
        "client",
        "transact",
    )
    for name, parent in {
        "/dapr.proto.runtime.v1.Dapr/ExecuteStateTransaction": commit,
        "/TaskHubSidecarService/StartInstance": trace.one("schedule workflow"),
    }.items():
        assert (trace.one(name).parent, trace.one(name).service) == (parent.id, SIDECAR)
    reads = trace.named("read conversationstore")
    assert {trace.path(read)[-2] for read in reads} == {"POST /chat", "call_model"}
    assert trace.path(engines[0]) == [
        "POST /chat",
        "schedule workflow",
        "/TaskHubSidecarService/StartInstance",
        "create_orchestration||turn",
        "orchestration||turn",
        "activity||call_model",
    ]
    assert {span.service for span in trace.spans} == {APP, SIDECAR}
    assert all(span.process.get("service.version") == "0.1.0" for span in trace.spans if span.service == APP)


async def test_nothing_private_is_in_a_trace(traced: Traced) -> None:
    """Neither words nor the user's id, in any span of app or sidecar; the session's id is there on purpose."""
    trace_id = os.urandom(16).hex()
    await _chat(traced, "private", WORDS, trace_id)
    await traced.whole(trace_id, "orchestration||turn", "invoke_agent TravelBuddy")
    told = json.dumps(await traced.jaeger.trace(trace_id))
    assert "private" in told
    for word in ("Beeblebrox", "Paris", "zaphod"):
        assert word.lower() not in told.lower()


async def test_trouble_and_waiting_are_seen(traced: Traced) -> None:
    """A failed try, the wait, the next try; and of the turn behind it, how long it stood in the lane, and where."""
    failures: list[Request] = []

    def once(request: Request) -> Answer:
        if "first" in str(request["messages"][-1]["content"]) and not failures:
            failures.append(request)
            return Fail(503, {"Retry-After": "1"})
        return Say("fine")

    traced.model.script = once
    first, second = os.urandom(16).hex(), os.urandom(16).hex()
    for trace_id, text in ((first, "first"), (second, "second")):
        body = {"user_id": "zaphod", "session_id": "trouble", "task": text}
        headers = {"traceparent": f"00-{trace_id}-{OUTSIDE}-01"}
        async with httpx.AsyncClient(timeout=30) as http:
            answer = await http.post(f"{traced.stack.app_url}/start-workflow", json=body, headers=headers)
        turn_id = answer.json()["workflow_instance_id"]
    await User(traced.stack).finished(turn_id)

    trace = await traced.whole(first, "orchestration||turn", "invoke_agent TravelBuddy")
    failed, good = trace.named("chat scripted-1")
    assert (failed.said["error.type"], failed.said["otel.status_description"]) == (
        "ModelUnavailable",
        "the model's server answered 503",
    )
    assert "error" not in good.said
    steps = trace.named("call_model")
    assert [(s.said["travelbuddy.attempt"], s.said["travelbuddy.result"]) for s in steps] == [(1, "retry"), (2, "done")]
    assert steps[0].said["travelbuddy.retry_after"] == 1
    turn = trace.one("invoke_agent TravelBuddy")
    assert [(w.parent, w.seconds >= 0.9) for w in trace.named("wait to try again")] == [(turn.id, True)]

    trace = await traced.whole(second, "orchestration||turn", "invoke_agent TravelBuddy")
    waited = trace.one("wait in lane")
    assert (trace.path(waited)[-2], waited.seconds > 0.5) == ("invoke_agent TravelBuddy", True)
    queued = trace.named("call_model")[0]
    assert (queued.said["travelbuddy.result"], queued.said["travelbuddy.lane.position"]) == ("queued", 1)

    (line,) = [line for line in _lines(traced.stack, "app-1.log", "app-2.log") if line.get("trace_id") == first]
    assert (line["event"], line["replica"]) == ("model.failed", steps[0].replica)
    assert line["span_id"] == steps[0].id
    assert line["turn"] == steps[0].said["travelbuddy.turn.id"]
    audited = [line for line in _lines(traced.stack, "audit.log") if line.get("trace_id") == first]
    assert {line["door"] for line in audited} >= {"POST /start-workflow", "workflow call_model"}


async def test_a_direct_message_is_one_trace_with_its_reply(traced: Traced) -> None:
    """From the publisher's span over the broker into the turn, to the reply that is published."""
    trace_id = os.urandom(16).hex()
    async with listening(traced.stack, "TravelBuddy.replies") as heard, httpx.AsyncClient(timeout=10) as http:
        url = f"{traced.stack.dapr_url}/v1.0/publish/messagepubsub/TravelBuddy"
        headers = {"traceparent": f"00-{trace_id}-{OUTSIDE}-01"}
        await http.post(url, json={"text": "Hello", "sender": "trillian"}, headers=headers)
        await poll_until(lambda: heard, 20, "the reply is heard")
    trace = await traced.whole(trace_id, "orchestration||turn", "publish TravelBuddy.replies")
    message = trace.one("process TravelBuddy")
    assert message.said["span.kind"] == "consumer"
    assert trace.path(message) == ["/v1.0/publish/messagepubsub/TravelBuddy", "pubsub/TravelBuddy", message.name]
    reply = trace.one("publish TravelBuddy.replies")
    assert reply.said["span.kind"] == "producer"
    assert trace.path(reply) == [*trace.path(message), "invoke_agent TravelBuddy", "call_model", reply.name]


async def test_a_turn_is_one_trace_although_its_replica_is_killed(traced: Traced) -> None:
    """Killed while the model thinks, the step is run again, and all of it hangs together in one trace, told once."""
    traced.model.script = one_search
    traced.model.hold(lambda request: True)
    trace_id = os.urandom(16).hex()
    body = {"user_id": "zaphod", "session_id": "killed", "task": "Paris"}
    headers = {"traceparent": f"00-{trace_id}-{OUTSIDE}-01"}
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{traced.stack.app_url}/start-workflow", json=body, headers=headers)

    async def runs() -> Span | None:
        """The read of the step under way, which has no end yet, once the backend has all that has ended."""
        trace = Trace(await traced.jaeger.trace(trace_id))
        doors = {span.id for span in trace.named("POST /start-workflow")}
        if not doors:
            return None
        read = next((s for s in trace.named("read conversationstore") if s.parent not in doors), None)
        return None if read is None or trace.orphans(under_way=read.parent) else read

    read = await poll_until(runs, STORED, "a replica has begun the step, as the backend says")
    victim = next(n for n in ("app-1", "app-2") if read.replica.endswith(f"-{traced.stack.entry(n)['ports']['http']}"))
    os.kill(traced.stack.pid(victim), signal.SIGKILL)
    traced.model.release()
    await User(traced.stack).finished(answer.json()["workflow_instance_id"])

    trace = await traced.whole(trace_id, "orchestration||turn", "invoke_agent TravelBuddy")
    steps = trace.named("call_model")
    assert [step.said["travelbuddy.step"] for step in steps] == [1, 2], "no step is told twice"
    assert trace.by_id[read.parent or ""] is steps[0], "what the killed execution did is in the step that was run again"
    assert {step.parent for step in steps} == {trace.one("invoke_agent TravelBuddy").id}


async def test_a_backend_that_is_away_costs_no_turn_anything(dapr_runtime: None) -> None:
    """With nobody listening turns are answered as ever, and the stack stops as fast as ever."""
    ports = PortPlan()
    nobody = f"http://127.0.0.1:{ports.pick()}"
    with ScriptedModel(lambda request: Say("hi")) as model:
        async with Stack(env={**model.env, "OTEL_EXPORTER_OTLP_ENDPOINT": nobody}) as stack:
            user = User(stack, "ada", "away")
            began = time.monotonic()
            for number in range(20):
                assert (await user.chat(f"hello {number}"))["response"] == "hi"
            took = time.monotonic() - began
            began = time.monotonic()
            assert await stack.stop() == 0
            stopped = time.monotonic() - began
    ports.close()
    assert took < 10, "no turn waits for a time-out"
    assert stopped < 10, "the end is not held up"
