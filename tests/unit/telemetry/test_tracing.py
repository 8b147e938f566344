"""Traces: nothing when off; the W3C context in and out; ids that can be known beforehand; no text of anybody."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog
from fastapi import FastAPI
from tests.unit.telemetry.conftest import Recorded

from travelbuddy.api.problems import install_problem_handlers
from travelbuddy.domain.conversation import LaneEntry, TurnRecord, cancelled_turn, new_session
from travelbuddy.domain.messages import Message
from travelbuddy.domain.steps import Step
from travelbuddy.domain.turn import ModelResult
from travelbuddy.errors import ModelUnavailable, RuntimeProblem, StoreUnavailable
from travelbuddy.runtime.tracing import sidecar_environment, traced
from travelbuddy.settings import Settings, load_settings
from travelbuddy.sidecar_token import call_metadata
from travelbuddy.telemetry import spans, tracing
from travelbuddy.telemetry.doors import TraceDoor
from travelbuddy.telemetry.logging import _where
from travelbuddy.telemetry.otel import Otel
from travelbuddy.telemetry.span_ids import span_id_of
from travelbuddy.workflow.contracts import CallModelInput, CallToolInput, TurnInput

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE_ID}-b7ad6b7169203331-01"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WORDS = "my passport is K4711"
TURN = TurnInput(
    user_id="zaphod",
    session_id="trip",
    message=WORDS,
    accepted_at=NOW,
    model="m-1",
    trace={"traceparent": CALLER, "tracestate": "vendor=1"},
)


def _record(**changes: object) -> TurnRecord:
    return TurnRecord.model_validate(
        {
            "workflow_instance_id": "t1",
            "session_id": "trip",
            "user_id": "zaphod",
            "outcome": "answered",
            "created_at": NOW,
            "completed_at": NOW + timedelta(seconds=9),
            "messages": (
                Message(role="user", content=WORDS, timestamp=NOW),
                Message(role="assistant", content=WORDS, timestamp=NOW, metadata={"model": "m-1"}),
            ),
            "timeline": (Step(name="call_model", started_at=NOW, duration_ms=7, tokens=12),),
            "trace": {"traceparent": CALLER},
            **changes,
        }
    )


def _app() -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)
    app.add_middleware(TraceDoor)

    @app.get("/users/{user_id}")
    async def user(user_id: str) -> dict[str, str]:
        spans.about("t1", "trip")
        return tracing.headers()

    @app.get("/down")
    async def down() -> None:
        raise StoreUnavailable("the store is away")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError(WORDS)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return tracing.headers()

    return app


async def _get(path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.get(path, headers=headers)


def test_off_means_that_the_sdk_is_not_even_imported() -> None:
    """The whole service is imported and built without a line of OpenTelemetry's SDK, its exporter or requests."""
    code = (
        "import sys\n"
        "from travelbuddy.app import create_app\n"
        "from travelbuddy.bootstrap import build_services\n"
        "from travelbuddy.settings import Settings\n"
        "from travelbuddy.telemetry.tracing import configure_tracing\n"
        "settings = Settings(_env_file=None)\n"
        "configure_tracing(settings), create_app(settings), build_services(settings)\n"
        "print([m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', 'requests'))])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert out.stdout.strip() == "[]"


def test_off_every_hook_does_nothing() -> None:
    """Without a receiver no hook makes anything, and nothing is told to anybody."""
    with spans.store("read", "s", 1) as asked, spans.tool("t", "c"), spans.chat("m", "http://m"):
        asked.event("again")
        assert (tracing.headers(), tracing.sidecar_headers(), tracing.ids()) == ({}, {}, {})
    with spans.activity("call_model", "t1", CallModelInput(turn=TURN, step=1, attempt=1), "x", ""):
        assert tracing.headers() == {}
    spans.turn_over(_record())
    assert call_metadata() == ()


async def test_a_request_goes_on_with_its_callers_trace(recorded: Recorded) -> None:
    """The caller's trace id and tracestate go on, its span is the parent, and traceresponse names ours."""
    answer = await _get("/users/zaphod?x=1", traceparent=CALLER, tracestate="vendor=1")
    (door,) = recorded.spans()
    told = answer.json()
    assert told["tracestate"] == "vendor=1"
    assert told["traceparent"] == answer.headers["traceresponse"]
    assert told["traceparent"].split("-")[1] == TRACE_ID
    assert door.parent is not None
    assert f"{door.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (door.name, door.kind.name) == ("GET /users/{user_id}", "SERVER")
    assert dict(door.attributes or {}) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/users/{user_id}",
        "http.response.status_code": 200,
        "travelbuddy.turn.id": "t1",
        "gen_ai.conversation.id": "trip",
    }


@pytest.mark.parametrize("bad", ["", "00-0-0-01", f"00-{TRACE_ID}", "ff" + CALLER[2:], "x y", CALLER * 9])
async def test_a_traceparent_that_is_none_begins_a_new_trace(recorded: Recorded, bad: str) -> None:
    """Whatever a stranger sends, the request is answered, in a trace of its own."""
    answer = await _get("/users/ada", traceparent=bad)
    assert answer.status_code == 200
    assert TRACE_ID not in answer.headers["traceresponse"]
    assert recorded.spans()[0].parent is None


async def test_a_caller_who_does_not_sample_is_followed(recorded: Recorded) -> None:
    """Nothing is recorded for it, at the door or in the turn, but its context still goes on."""
    unsampled = CALLER[:-2] + "00"
    answer = await _get("/users/ada", traceparent=unsampled)
    assert answer.headers["traceresponse"].split("-")[1::2] == [TRACE_ID, "00"]
    call = CallModelInput(turn=TURN.model_copy(update={"trace": {"traceparent": unsampled}}), step=1, attempt=1)
    with spans.activity("call_model", "t1", call, "x", ""), spans.store("read", "s", 1):
        assert tracing.headers()["traceparent"].endswith("-00")
    spans.turn_over(_record(trace={"traceparent": unsampled}))
    assert recorded.spans() == ()


async def test_a_sampler_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With traceidratio 0 nothing is kept, whatever the caller says."""
    recorded = Recorded("traceidratio", 0)
    monkeypatch.setattr(tracing, "_otel", recorded.otel)
    answer = await _get("/users/ada", traceparent=CALLER)
    assert answer.headers["traceresponse"].endswith("-00")
    assert recorded.spans() == ()
    recorded.otel.close()


async def test_errors_name_their_trace(recorded: Recorded) -> None:
    """A problem document has the trace's id, also when the service broke down; 5xx are errors, quoting nobody."""
    for path, status in (("/down", 503), ("/broken", 500)):
        answer = await _get(path, traceparent=CALLER)
        assert (answer.status_code, answer.json()["trace_id"]) == (status, TRACE_ID)
    down, broken = recorded.spans()
    assert [(s.status.status_code.name, (s.attributes or {})["error.type"]) for s in (down, broken)] == [
        ("ERROR", "503"),
        ("ERROR", "RuntimeError"),
    ]
    assert WORDS not in broken.to_json()


async def test_probes_are_not_traced(recorded: Recorded) -> None:
    """Health, readiness and metrics have no spans, and calls to the sidecar outside of a trace say so to it."""
    assert "traceresponse" not in (await _get("/health", traceparent=CALLER)).headers
    assert dict(call_metadata()) == tracing.UNTRACED
    with spans.store("read", "s", 1):
        pass
    assert recorded.spans() == ()


def _walk(execution: str) -> None:
    call = CallModelInput(turn=TURN, step=2, attempt=3)
    with spans.activity("call_model", "t1", call, execution, f"00-{TRACE_ID}-00000000000000aa-01") as step:
        with spans.chat("m-1", "https://models.example/v1/chat/completions") as asked:
            spans.first_text(asked, None)(WORDS)
        with spans.tool("search_flights", "c1") as used:
            spans.tool_said(used, json.dumps({"error": {"type": "unknown_place", "message": WORDS}}))
        spans.came_out(step, ModelResult(kind="retry", retry_after=2))


def test_an_activity_executed_again_is_the_same_span_in_the_turns_span(recorded: Recorded) -> None:
    """On any replica, after any kill: its id and its parent's are known beforehand; what is in it is new."""
    for execution in ("one", "one", "two"):
        _walk(execution)
    steps = [span for span in recorded.spans() if span.name == "call_model"]
    assert [span.context.span_id for span in steps] == [
        span_id_of("t1", "one"),
        span_id_of("t1", "one"),
        span_id_of("t1", "two"),
    ]
    assert {span.parent.span_id for span in steps if span.parent} == {span_id_of("t1")}
    assert {f"{span.context.trace_id:032x}" for span in recorded.spans()} == {TRACE_ID}
    assert {span.context.trace_state.get("vendor") for span in steps} == {"1"}
    assert [link.context.span_id for link in steps[0].links] == [0xAA]
    chats = [span for span in recorded.spans() if span.name == "chat m-1"]
    assert len({span.context.span_id for span in chats}) == 3
    assert chats[0].parent == steps[0].context


def test_what_the_spans_of_a_step_say(recorded: Recorded) -> None:
    """Names of the GenAI conventions; the failed try is marked with its number; nobody's words and no user."""
    _walk("one")
    chat, tool, step = recorded.spans()
    assert (dict(step.attributes or {}), step.status.status_code.name) == (
        {
            "travelbuddy.turn.id": "t1",
            "gen_ai.conversation.id": "trip",
            "travelbuddy.step": 2,
            "travelbuddy.attempt": 3,
            "travelbuddy.result": "retry",
            "travelbuddy.retry_after": 2.0,
            "error.type": "model_trouble",
        },
        "ERROR",
    )
    asked = dict(chat.attributes or {})
    assert asked.pop("gen_ai.response.time_to_first_chunk", None) is not None
    assert (asked, chat.kind.name) == (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "m-1",
            "gen_ai.request.stream": True,
            "server.address": "models.example",
            "server.port": 443,
        },
        "CLIENT",
    )
    assert (tool.name, (tool.attributes or {})["error.type"]) == ("execute_tool search_flights", "unknown_place")
    told = "".join(span.to_json() for span in recorded.spans())
    assert WORDS not in told
    assert "zaphod" not in told


def test_a_turn_without_a_trace_has_no_spans(recorded: Recorded) -> None:
    """One that was accepted while traces were off stays out of them, instead of becoming many small ones."""
    plain = TURN.model_copy(update={"trace": None})
    with spans.activity("call_model", "t1", CallModelInput(turn=plain, step=1, attempt=1), "x", ""):
        assert tracing.headers() == {}
    spans.turn_over(_record(trace=None))
    assert recorded.spans() == ()


def test_a_tools_own_activity_joins(recorded: Recorded) -> None:
    """A call_tool knows the trace as a call_model does."""
    call = CallToolInput.model_validate(
        {
            "user_id": "ada",
            "session_id": "trip",
            "call": {"id": "c", "name": "n", "arguments": "{}"},
            "trace": TURN.trace,
        }
    )
    with spans.activity("call_tool", "t1", call, "x", ""):
        assert tracing.headers()["traceparent"].split("-")[1] == TRACE_ID
    assert recorded.spans()[0].name == "call_tool"


def test_the_turns_span_is_a_function_of_its_record(recorded: Recorded) -> None:
    """Made twice it is the same: id, parent, times and words; a failed turn is an error; it ends with the commit."""
    for _ in range(2):
        spans.turn_over(_record())
    one, two = recorded.spans()
    assert (one.context.span_id, one.start_time, one.end_time) == (two.context.span_id, two.start_time, two.end_time)
    assert one.to_json() == two.to_json()
    assert one.context.span_id == span_id_of("t1")
    assert one.parent is not None
    assert f"{one.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (one.end_time or 0) - (one.start_time or 0) == 9_000_000_000
    assert dict(one.attributes or {}) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "openai",
        "gen_ai.agent.name": "TravelBuddy",
        "gen_ai.conversation.id": "trip",
        "gen_ai.response.model": "m-1",
        "travelbuddy.turn.id": "t1",
        "travelbuddy.outcome": "answered",
        "travelbuddy.tokens": 12,
        "travelbuddy.steps": 1,
    }
    spans.turn_over(_record(outcome="failed"), NOW + timedelta(seconds=10))
    failed = recorded.spans()[-1]
    assert failed.status.status_code.name == "ERROR"
    assert (failed.end_time or 0) - (failed.start_time or 0) == 10_000_000_000


def test_a_turn_found_done_is_told_again_by_its_own_step_only(recorded: Recorded) -> None:
    """A step that died right after its commit is made good; who cancelled a turn has told it already."""
    spans.turn_over(_record(outcome="cancelled"))
    assert recorded.spans() == ()
    spans.turn_over(_record(outcome="cancelled"), NOW)
    spans.turn_over(_record())
    assert len(recorded.spans()) == 2


def test_a_turn_closed_by_somebody_else_keeps_its_trace() -> None:
    """A cancelled turn's record has the trace of its place in the lane."""
    entry = LaneEntry(id="t1", message="hi", accepted_at=NOW, trace=TURN.trace)
    assert cancelled_turn(new_session("trip", "ada", NOW), entry, NOW).trace == TURN.trace


def test_waits_are_seen(recorded: Recorded) -> None:
    """The time in the lane and between two tries are spans of the turn; what takes a moment is not."""
    at = [NOW + timedelta(seconds=second) for second in (2, 5, 5.01)]
    timeline = (
        Step(name="call_model", started_at=at[0], duration_ms=1_000, error="down"),
        Step(name="call_model", started_at=at[1], duration_ms=5),
        Step(name="call_model", started_at=at[2], duration_ms=5),
    )
    spans.turn_over(_record(timeline=timeline))
    turn, *waits = recorded.spans()
    seconds = [((span.end_time or 0) - (span.start_time or 0)) / 1e9 for span in waits]
    assert [(span.name, length) for span, length in zip(waits, seconds, strict=True)] == [
        ("wait in lane", 2.0),
        ("wait to try again", 2.0),
    ]
    assert all(span.parent and span.parent.span_id == turn.context.span_id for span in waits)


def test_our_own_errors_are_quoted_and_nobody_elses(recorded: Recorded) -> None:
    """As in the log: what a model's server says may quote a prompt, so it is left out."""
    with (
        pytest.raises(ModelUnavailable),
        spans.message_received("T", {"traceparent": CALLER}, {}),
        spans.chat("m", "http://m/v1"),
    ):
        raise ModelUnavailable(f"the model's answer could not be had: {WORDS}")
    asked, message = recorded.spans()
    assert asked.status.description == "the model's answer could not be had"
    assert (message.kind.name, message.parent is not None) == ("CONSUMER", True)


async def test_lines_of_the_log_have_the_ids(recorded: Recorded) -> None:
    """Inside a span each line has trace_id and span_id, outside none; a replica's name stands in all."""
    with spans.message_received("T", {"traceparent": CALLER}, {}):
        line = _where("here", None, "info", {"event": "x"})
    assert line == {
        "event": "x",
        "replica": "here",
        "trace_id": TRACE_ID,
        "span_id": f"{recorded.spans()[0].context.span_id:016x}",
    }


def test_the_turn_of_a_request_is_in_its_log() -> None:
    """Also with tracing off."""
    structlog.contextvars.clear_contextvars()
    spans.about("t9", "trip")
    assert structlog.contextvars.get_contextvars() == {"turn": "t9"}
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize("bad", ["localhost:4318", "grpc://localhost:4317", "http://", "http://a?b=c", "yes"])
def test_a_bad_endpoint_is_told(bad: str) -> None:
    """The setting is named, and how to write it."""
    with pytest.raises(RuntimeProblem, match=r"OTEL_EXPORTER_OTLP_ENDPOINT.*as http://localhost:4318"):
        load_settings(otel_exporter_otlp_endpoint=bad)


@pytest.mark.alone
def test_a_receiver_that_is_away_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """Spans are made as fast as ever, the end waits no longer than its patience; the log says once, where."""
    otel = Otel("http://me:secret@127.0.0.1:9", {"service.name": "test"}, "always_on", 1)
    began = time.monotonic()
    for _ in range(10_000):
        with otel.enter("x", "server", {}, {}):
            pass
    made = time.monotonic() - began
    otel.close()
    assert made < 5
    assert time.monotonic() - began - made < 3
    told = [record.getMessage() for record in caplog.records if record.name.startswith("opentelemetry.exporter")]
    assert len(told) == 1
    assert told[0].endswith("(OTEL_EXPORTER_OTLP_ENDPOINT is http://127.0.0.1:9)")
    assert "secret" not in told[0]


@pytest.mark.parametrize(
    ("url", "otel"),
    [
        ("http://jaeger:4318", {"protocol": "http", "endpointAddress": "jaeger:4318", "isSecure": False}),
        ("https://traces.example/", {"protocol": "http", "endpointAddress": "traces.example:443", "isSecure": True}),
    ],
)
def test_the_sidecar_sends_to_the_same_receiver(url: str, otel: dict[str, object]) -> None:
    """Its Configuration gets the address as daprd wants it, and the app's part of the traces; the rest stays."""
    settings = Settings(
        _env_file=None,
        otel_exporter_otlp_endpoint=url,
        otel_traces_sampler="parentbased_traceidratio",
        otel_traces_sampler_arg=0.25,
    )
    given = {"kind": "Configuration", "spec": {"workflow": {"x": 1}, "tracing": {"samplingRate": "0"}}}
    assert traced(given, settings)["spec"] == {"workflow": {"x": 1}, "tracing": {"samplingRate": "0.25", "otel": otel}}
    assert sidecar_environment("daprd-1", settings) == {
        "OTEL_SERVICE_NAME": "travelbuddy-daprd",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=daprd-1",
    }
    assert sidecar_environment("daprd", Settings(_env_file=None)) == {}


def test_what_is_left_is_sent_at_the_end(recorded: Recorded) -> None:
    """A process that is told to stop sends its last spans before it ends."""
    spans.turn_over(_record())
    recorded.otel.close()
    assert [span.name for span in recorded.sent()] == ["invoke_agent TravelBuddy"]
