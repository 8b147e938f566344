"""The worker against a real gRPC server that speaks the workflow engine's half of the protocol."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import dapr.ext.workflow._durabletask.internal.helpers as make
import grpc
import grpc.aio
import pytest
from dapr.conf import settings as dapr_settings
from dapr.ext.workflow._durabletask.internal import protos
from dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2_grpc import (
    TaskHubSidecarServiceServicer,
    add_TaskHubSidecarServiceServicer_to_server,
)
from google.protobuf.empty_pb2 import Empty

from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.steps import Step
from travelbuddy.domain.turn import ModelResult, ToolResult
from travelbuddy.telemetry.metrics import Metrics
from travelbuddy.workflow.activities import TurnActivities
from travelbuddy.workflow.contracts import (
    CALL_MODEL,
    CALL_TOOL,
    TURN_WORKFLOW,
    CallModelInput,
    CallToolInput,
    TurnInput,
)
from travelbuddy.workflow.executing import turn_steps
from travelbuddy.workflow.runtime import WorkflowWorker
from travelbuddy.workflow.turn import turn

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TURN = TurnInput(user_id="ada", session_id="s", message="Paris to Nice", accepted_at=NOW, model="m")
MODEL_CALL = CallModelInput(turn=TURN, step=2, attempt=1)
TOOL_CALL = CallToolInput(user_id="ada", session_id="s", call=ToolCall(id="c", name="search", arguments="{}"))
ANSWER = ModelResult(kind="queued", position=3)
TOO_LARGE, AWAY = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE
PROMPT = 2.0
"""Seconds in which whatever is cancelled must have ended."""


class Engine(TaskHubSidecarServiceServicer):  # type: ignore[misc]
    """The engine: hands out the items that are put in, notes what comes back, and refuses it as scripted."""

    def __init__(self) -> None:
        self.port = 0
        self.streams = self.opened = self.greetings = 0
        self.door = asyncio.Event()
        self.door.set()
        self.refusals: deque[grpc.StatusCode] = deque()
        self.refused = 0
        self.answers: list[Any] = []
        self.tokens: dict[str, str | bytes | None] = {}
        self._items: asyncio.Queue[Any] = asyncio.Queue()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen: at a free port the first time, then at the same again."""
        self._server = grpc.aio.server()
        add_TaskHubSidecarServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        """Break every connection and listen no more."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    def hand_out(self, *items: Any) -> None:
        """Send these to whoever takes work."""
        for item in items:
            self._items.put_nowait(item)

    def break_off(self) -> None:
        """End the stream with an error, while the server stays."""
        self._items.put_nowait(None)

    async def Hello(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note("Hello", context)
        self.greetings += 1
        await self.door.wait()
        return Empty()

    async def GetWorkItems(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self._note("GetWorkItems", context)
        self.streams += 1
        self.opened += 1
        try:
            while (item := await self._items.get()) is not None:
                yield item
        finally:
            self.streams -= 1
        await context.abort(AWAY, "broken off")

    async def CompleteActivityTask(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note("CompleteActivityTask", context)
        await self._take(request, context)
        return protos.CompleteTaskResponse()

    async def CompleteOrchestratorTask(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._note("CompleteOrchestratorTask", context)
        await self._take(request, context)
        return protos.CompleteTaskResponse()

    def _note(self, method: str, context: Any) -> None:
        self.tokens[method] = dict(context.invocation_metadata()).get("dapr-api-token")

    async def _take(self, response: Any, context: Any) -> None:
        if self.refusals:
            self.refused += 1
            await context.abort(self.refusals.popleft(), "refused")
        self.answers.append(response)


class Activities(TurnActivities):
    """Activities that note what they are given, wait at a gate, and break down as told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, CallModelInput | CallToolInput]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken: Exception | None = None
        self.cancelled = 0
        self.on_cancelled: Callable[[], object] = lambda: None

    async def call_model(self, turn_id: str, call: CallModelInput) -> ModelResult:
        await self._called(turn_id, call)
        return ANSWER

    async def call_tool(self, turn_id: str, request: CallToolInput) -> ToolResult:
        await self._called(turn_id, request)
        message = Message(role="tool", content="found", timestamp=NOW, tool_call_id=request.call.id)
        return ToolResult(message=message, step=Step(name=request.call.name, started_at=NOW, duration_ms=1))

    async def _called(self, turn_id: str, call: CallModelInput | CallToolInput) -> None:
        self.calls.append((turn_id, call))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            self.on_cancelled()
            raise
        if self.broken is not None:
            raise self.broken


class Life:
    """A worker and the task in which it runs."""

    def __init__(self, activities: Activities, port: int) -> None:
        self.worker = WorkflowWorker({TURN_WORKFLOW: turn}, turn_steps(activities, Metrics().turns), "127.0.0.1", port)
        self.task = asyncio.create_task(self.worker.run())

    async def cancelled(self) -> None:
        """Cancel it once; it must end by that, and soon."""
        self.task.cancel()
        await self.over()

    async def over(self) -> None:
        """It was cancelled, and ends soon."""
        await asyncio.wait({self.task}, timeout=PROMPT)
        assert self.task.cancelled()
        assert not self.worker.running

    async def clear_away(self) -> None:
        """End it however often it has to be told."""
        while not self.task.done():
            self.task.cancel()
            await asyncio.wait({self.task}, timeout=0.1)


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """Every task that a test began has ended with it."""
    yield
    own = {asyncio.current_task()}
    await until(lambda: asyncio.all_tasks() == own)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker looks for the engine again at once."""
    monkeypatch.setattr("travelbuddy.workflow.runtime._PAUSE", 0.02)


@pytest.fixture
async def engine(nothing_is_left: None) -> AsyncIterator[Engine]:
    """An engine that listens."""
    engine = Engine()
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def activities() -> Activities:
    """Activities that end at once."""
    return Activities()


@pytest.fixture
async def life(engine: Engine, activities: Activities) -> AsyncIterator[Life]:
    """A worker that is connected."""
    life = Life(activities, engine.port)
    await until(lambda: engine.streams == 1 and life.worker.running)
    yield life
    await life.clear_away()


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  some of it happens in gRPC's threads
            await asyncio.sleep(0.002)


async def answers(engine: Engine, count: int = 1) -> list[Any]:
    """The first ``count`` answers, as soon as they are in."""
    await until(lambda: len(engine.answers) >= count)
    assert len(engine.answers) == count
    return engine.answers


def activity(name: str, payload: str, *, turn_id: str = "t", task_id: int = 7, mark: str = "mark") -> Any:
    """An item that asks for an activity."""
    request = protos.ActivityRequest(
        name=name,
        input=make.get_string_value(payload),
        workflowInstance=protos.WorkflowInstance(instanceId=turn_id),
        taskId=task_id,
    )
    return protos.WorkItem(activityRequest=request, completionToken=mark)


def model_call(number: int = 7) -> Any:
    """An item that asks for ``call_model``."""
    return activity(CALL_MODEL, json.dumps(MODEL_CALL.wire()), task_id=number)


def workflow(name: str = TURN_WORKFLOW, *, begun: bool = True) -> Any:
    """An item that asks for a workflow's next step: of one that was just started, or of one without a history."""
    payload = json.dumps(TURN.wire())
    events = [make.new_workflow_started_event(NOW), make.new_execution_started_event(name, "t", payload)]
    request = protos.WorkflowRequest(instanceId="t", newEvents=events if begun else [])
    return protos.WorkItem(workflowRequest=request, completionToken="w")


def ended_as_failed(answer: Any) -> Any:
    """The failure with which this answer ends its workflow."""
    (action,) = answer.actions
    assert (answer.instanceId, answer.completionToken) == ("t", "w")
    assert action.completeWorkflow.workflowStatus == protos.ORCHESTRATION_STATUS_FAILED
    return action.completeWorkflow.failureDetails


async def test_an_activity_is_answered_with_its_result(engine: Engine, life: Life, activities: Activities) -> None:
    """The activity gets the turn's id and its typed input; the engine gets the JSON result under the item's marks."""
    engine.hand_out(activity(CALL_MODEL, json.dumps(MODEL_CALL.wire()), turn_id="one", task_id=3, mark="a"))
    (answer,) = await answers(engine)
    assert activities.calls == [("one", MODEL_CALL)]
    assert (answer.instanceId, answer.taskId, answer.completionToken) == ("one", 3, "a")
    assert ModelResult.model_validate_json(answer.result.value) == ANSWER
    assert not answer.HasField("failureDetails")


async def test_each_activity_has_its_own_input(engine: Engine, life: Life, activities: Activities) -> None:
    """``call_tool`` is given a tool call, and its result is the tool's."""
    engine.hand_out(activity(CALL_TOOL, json.dumps(TOOL_CALL.wire())))
    (answer,) = await answers(engine)
    assert activities.calls == [("t", TOOL_CALL)]
    assert ToolResult.model_validate_json(answer.result.value).message.content == "found"


async def test_a_breakdown_is_told(engine: Engine, life: Life, activities: Activities) -> None:
    """An activity that raises is answered with how it failed, and the next one is executed."""
    activities.broken = RuntimeError("the roof is on fire")
    engine.hand_out(model_call(1))
    (answer,) = await answers(engine)
    assert (answer.instanceId, answer.taskId, answer.completionToken) == ("t", 1, "mark")
    assert (answer.failureDetails.errorType, answer.failureDetails.errorMessage) == (
        "RuntimeError",
        "the roof is on fire",
    )
    assert not answer.HasField("result")
    activities.broken = None
    engine.hand_out(model_call(2))
    assert (await answers(engine, 2))[1].HasField("result")


@pytest.mark.parametrize(
    ("name", "payload", "error"),
    [
        ("make_tea", "{}", "KeyError"),
        (CALL_MODEL, "not JSON", "ValidationError"),
        (CALL_MODEL, "", "ValidationError"),
        (CALL_TOOL, '{"user_id": "ada"}', "ValidationError"),
    ],
)
async def test_what_cannot_be_executed_is_told(
    engine: Engine, life: Life, activities: Activities, name: str, payload: str, error: str
) -> None:
    """An unknown activity and an input that is not valid are answered as failures, and nothing is executed."""
    engine.hand_out(activity(name, payload))
    (answer,) = await answers(engine)
    assert (answer.failureDetails.errorType, answer.taskId, answer.completionToken) == (error, 7, "mark")
    assert activities.calls == []


async def test_a_workflow_is_answered_with_its_next_step(engine: Engine, life: Life) -> None:
    """A turn that was just started asks for ``call_model`` and says what it does."""
    engine.hand_out(workflow())
    (answer,) = await answers(engine)
    (action,) = answer.actions
    assert (answer.instanceId, answer.completionToken) == ("t", "w")
    assert action.scheduleTask.name == CALL_MODEL
    assert CallModelInput.model_validate_json(action.scheduleTask.input.value).turn == TURN
    assert answer.customStatus.value == "thinking (step 1, attempt 1)"


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (workflow("make_tea"), "OrchestratorNotRegisteredError"),
        (workflow(begun=False), "WorkflowStateError"),
    ],
)
async def test_a_workflow_that_cannot_be_replayed_fails(engine: Engine, life: Life, item: Any, error: str) -> None:
    """An unknown workflow, and a history that the executor does not take, end as failed and are not held for ever."""
    engine.hand_out(item)
    (answer,) = await answers(engine)
    assert ended_as_failed(answer).errorType == error
    engine.hand_out(model_call())
    assert (await answers(engine, 2))[1].HasField("result")


async def test_an_item_without_work_is_passed_over(engine: Engine, life: Life) -> None:
    """An item that only shows that the connection lives is not answered and disturbs nothing."""
    engine.hand_out(protos.WorkItem(), model_call())
    (answer,) = await answers(engine)
    assert answer.HasField("result")


async def test_a_result_that_is_too_large_becomes_a_failure(engine: Engine, life: Life) -> None:
    """An activity whose result the engine cannot take has failed: it would be handed out for ever."""
    engine.refusals.append(TOO_LARGE)
    engine.hand_out(model_call())
    (answer,) = await answers(engine)
    assert (answer.instanceId, answer.taskId, answer.completionToken) == ("t", 7, "mark")
    assert "too large" in answer.failureDetails.errorMessage
    assert not answer.HasField("result")


async def test_a_step_that_is_too_large_fails_the_workflow(engine: Engine, life: Life) -> None:
    """A workflow whose next step the engine cannot take ends as failed."""
    engine.refusals.append(TOO_LARGE)
    engine.hand_out(workflow())
    (answer,) = await answers(engine)
    assert "too large" in ended_as_failed(answer).errorMessage


@pytest.mark.parametrize("refusals", [[AWAY], [TOO_LARGE, TOO_LARGE], [TOO_LARGE, AWAY]])
@pytest.mark.parametrize("item", [model_call(), workflow()])
async def test_an_answer_that_is_refused_is_dropped(
    engine: Engine, life: Life, item: Any, refusals: list[grpc.StatusCode]
) -> None:
    """The engine will hand the item out again; until then the worker goes on, and does not insist."""
    engine.refusals.extend(refusals)
    engine.hand_out(item)
    await until(lambda: engine.refused == len(refusals))
    engine.hand_out(model_call(8))
    (answer,) = await answers(engine)
    assert (answer.taskId, answer.HasField("result")) == (8, True)
    assert life.worker.running


async def test_many_activities_run_at_once(engine: Engine, life: Life, activities: Activities) -> None:
    """Fifty wait at the same time, a workflow is answered meanwhile, and then each is answered once."""
    activities.gate.clear()
    engine.hand_out(*(model_call(number) for number in range(50)))
    await until(lambda: len(activities.calls) == 50)
    engine.hand_out(workflow())
    (first,) = await answers(engine)
    assert first.actions[0].scheduleTask.name == CALL_MODEL
    activities.gate.set()
    rest = (await answers(engine, 51))[1:]
    assert sorted(answer.taskId for answer in rest) == list(range(50))


@pytest.mark.parametrize("server_stays", [True, False])
async def test_a_lost_connection_is_made_again(
    engine: Engine, life: Life, activities: Activities, server_stays: bool
) -> None:
    """What was begun is cancelled, ``running`` is false in between, and then work is taken again."""
    activities.gate.clear()
    engine.hand_out(model_call(1), model_call(2))
    await until(lambda: len(activities.calls) == 2)
    engine.door.clear()  # whoever comes back waits
    if server_stays:
        engine.break_off()
    else:
        await engine.stop()
    await until(lambda: not life.worker.running and engine.streams == 0)
    assert activities.cancelled == 2
    if not server_stays:
        await engine.start()
    engine.door.set()
    await until(lambda: life.worker.running and engine.streams == 1)
    activities.gate.set()
    engine.hand_out(model_call(3))
    (answer,) = await answers(engine)
    assert answer.taskId == 3


async def test_a_sidecar_that_hangs_is_noticed(
    engine: Engine, activities: Activities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that is open and silent, with nobody at its other end, is given up, and made anew when somebody is back.

    Meanwhile the worker does not say that it runs, and what was begun is cancelled: it is handed out again.
    """
    monkeypatch.setattr("travelbuddy.workflow.runtime.PULSE", 0.05)
    monkeypatch.setattr("travelbuddy.workflow.runtime.HELLO_TIMEOUT", 0.2)
    life = Life(activities, engine.port)
    await until(lambda: engine.streams == 1 and life.worker.running)
    activities.gate.clear()
    engine.hand_out(model_call(1))
    await until(lambda: len(activities.calls) == 1 and life.worker.busy)
    engine.door.clear()
    await until(lambda: not life.worker.running and activities.cancelled == 1)
    assert not life.worker.busy
    engine.door.set()
    await until(lambda: life.worker.running and engine.streams == 1)
    activities.gate.set()
    engine.hand_out(model_call(2))
    (answer,) = await answers(engine)
    assert answer.taskId == 2
    await life.cancelled()


async def test_a_sidecar_that_answers_is_left_alone(
    engine: Engine, activities: Activities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked at a hundred times, a sidecar that is alive keeps its one stream."""
    monkeypatch.setattr("travelbuddy.workflow.runtime.PULSE", 0.001)
    life = Life(activities, engine.port)
    await until(lambda: engine.greetings > 100)
    assert (engine.streams, engine.opened) == (1, 1)
    await life.cancelled()


@pytest.mark.parametrize("busy", [False, True])
async def test_cancelling_ends_a_connected_worker(
    engine: Engine, life: Life, activities: Activities, busy: bool
) -> None:
    """Idle or at work, it ends at once, takes its work with it and leaves the stream."""
    activities.gate.clear()
    if busy:
        engine.hand_out(model_call(1), model_call(2))
        await until(lambda: len(activities.calls) == 2)
    await life.cancelled()
    assert activities.cancelled == len(activities.calls) == (2 if busy else 0)
    await until(lambda: engine.streams == 0)
    assert engine.answers == []


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05])
async def test_cancelling_ends_a_worker_that_finds_nobody(engine: Engine, activities: Activities, after: float) -> None:
    """Where nobody listens it ends at once, during a try and between two."""
    await engine.stop()
    life = Life(activities, engine.port)
    await asyncio.sleep(after)
    await life.cancelled()


async def test_cancelling_ends_a_worker_that_gets_no_answer(activities: Activities) -> None:
    """Where a connection is accepted and nothing said, it does not wait for its greeting to time out."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(5)
        life = Life(activities, silent.getsockname()[1])
        connection, _ = await asyncio.to_thread(silent.accept)
        with connection:
            assert not life.worker.running
            await life.cancelled()


async def test_a_cancellation_is_not_lost_when_the_connection_breaks(engine: Engine) -> None:
    """Cancelled at whatever moment while the server goes away, it ends; a lost cancellation would hang the service."""
    for number in range(30):
        await cancelled_after(number % 15, engine)


async def cancelled_after(rounds: int, engine: Engine) -> None:
    """Cancel a worker with work in progress so many rounds of the loop after the server has begun to stop."""
    activities = Activities()
    activities.gate.clear()
    life = Life(activities, engine.port)
    engine.hand_out(model_call(1), model_call(2))
    await until(lambda: len(activities.calls) == 2)
    stop = asyncio.create_task(engine.stop())
    for _ in range(rounds):
        await asyncio.sleep(0)
    await life.cancelled()
    await stop
    assert activities.cancelled == 2
    await engine.start()


async def test_a_cancellation_is_not_lost_while_work_is_cleared_away(
    engine: Engine, life: Life, activities: Activities
) -> None:
    """Cancelled when the stream has failed already and what was begun is being cancelled, it still ends."""
    activities.gate.clear()
    activities.on_cancelled = life.task.cancel
    engine.hand_out(model_call(1), model_call(2))
    await until(lambda: len(activities.calls) == 2)
    engine.break_off()
    await until(lambda: activities.cancelled == 2)
    await life.over()


@pytest.mark.parametrize("token", ["secret", None])
async def test_every_call_carries_the_sidecar_s_token(
    engine: Engine, activities: Activities, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    """Where the sidecar wants a token it gets it with every call, or it would refuse the answers; else none is sent."""
    monkeypatch.setattr(dapr_settings, "DAPR_API_TOKEN", token)
    life = Life(activities, engine.port)
    engine.hand_out(model_call(), workflow())
    await answers(engine, 2)
    methods = ("Hello", "GetWorkItems", "CompleteActivityTask", "CompleteOrchestratorTask")
    assert engine.tokens == dict.fromkeys(methods, token)
    await life.cancelled()
