"""The worker that executes turns: takes work items from the sidecar's stream and answers each, on one event loop.

It speaks the protocol of the workflow engine (service ``TaskHubSidecarService``) and replays workflows with the SDK's
own executor; docs/decisions/ARC-011 says why the SDK's worker around that executor is not used.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio
import structlog
from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.internal import helpers as make
from dapr.ext.workflow._durabletask.internal import protos
from dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from dapr.ext.workflow._durabletask.worker import _OrchestrationExecutor, _Registry
from google.protobuf.empty_pb2 import Empty
from structlog.contextvars import bind_contextvars

from travelbuddy.sealing import Sealer
from travelbuddy.sidecar_token import call_metadata
from travelbuddy.telemetry.logging import sdk_logging
from travelbuddy.workflow.calling import is_called
from travelbuddy.workflow.early import in_order
from travelbuddy.workflow.executing import Execute
from travelbuddy.workflow.payloads import failure_of, open_events, place_of, seal_actions, seal_json

log = structlog.get_logger(__name__)

HELLO_TIMEOUT = 5.0
PULSE = 5.0
"""Seconds between looks whether the sidecar is alive; with the time-out, how long a hanging one stays unnoticed."""
_PAUSE = 0.5
_SDK_LOG = logging.getLogger("durabletask-worker")
Workflow = Callable[[DaprWorkflowContext, Any], Any]
"""A generator function: each of its yields is one durable wait."""
Ended = Callable[[str, str, Any, bool], None]
"""Told the workflow, the instance's id, its input, and whether it was terminated from outside; else it failed."""


class WorkflowWorker:
    """Runs workflows and activities against a sidecar."""

    def __init__(
        self,
        workflows: Mapping[str, Workflow],
        activities: Mapping[str, Execute],
        host: str,
        port: int,
        sealer: Sealer | None = None,
        waits: Collection[str] = (),
    ) -> None:
        """Both by name. ``sealer`` is for all payloads: what is handed to the engine, and what comes back.

        ``waits`` are the names of the activities that only wait: a replica on its way out does not wait for them.
        """
        self._sealer = sealer or Sealer()
        self._waits = frozenset(waits)
        self._executing: Counter[str] = Counter()
        self._busy = 0
        self._on_broken: Ended = lambda workflow, instance_id, payload, terminated: None
        self._target = f"{host}:{port}"
        self._running = False
        self._work: set[asyncio.Task[None]] = set()
        self._activities = activities
        self._workflows = _Registry()
        for name, workflow in workflows.items():
            self._workflows.add_named_orchestrator(name, _on_our_context(workflow))

    @property
    def running(self) -> bool:
        """True while the worker is connected to the sidecar and takes work."""
        return self._running

    @property
    def busy(self) -> bool:
        """True while a step is being carried out here that does something."""
        return self._busy > 0

    @property
    def working(self) -> Collection[str]:
        """The ids of the instances whose activities are in progress here."""
        return self._executing.keys()

    def on_broken(self, tell: Ended) -> None:
        """Tell of each instance that ends here as failed, or because it was terminated; ``tell`` must not fail."""
        self._on_broken = tell

    async def run(self) -> None:
        """Take work until cancelled; after a lost connection again. What was begun then is handed out anew."""
        while True:
            try:
                await self._serve()
            except grpc.aio.AioRpcError as lost:
                log.warning("worker.disconnected", reason=lost.details())
            finally:
                self._running = False
            await asyncio.sleep(_PAUSE)

    async def _serve(self) -> None:
        """Take work for one connection, as long as the sidecar at its other end shows life."""
        work = self._work = set()  # no TaskGroup: it can lose a cancellation that comes with an error
        async with grpc.aio.insecure_channel(self._target) as channel:
            engine = TaskHubSidecarServiceStub(channel)
            await engine.Hello(Empty(), timeout=HELLO_TIMEOUT, metadata=call_metadata())
            self._running = True
            log.info("worker.started")
            ends = {asyncio.create_task(self._take(engine, work)), asyncio.create_task(_watch(engine))}
            try:
                done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in done:
                    end.result()
            finally:
                self._running = False
                left = (*ends, *work)
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)

    async def _take(self, engine: TaskHubSidecarServiceStub, work: set[asyncio.Task[None]]) -> None:
        """Begin each item as it comes, until the stream ends."""
        async for item in engine.GetWorkItems(protos.GetWorkItemsRequest(), metadata=call_metadata()):
            if (answer := self._answer(engine, item)) is not None:
                task = asyncio.create_task(answer)
                work.add(task)
                task.add_done_callback(work.discard)

    def _answer(self, engine: TaskHubSidecarServiceStub, item: Any) -> Coroutine[Any, Any, None] | None:
        """What is to be done for this item; None for one that only shows that the connection lives."""
        if item.HasField("workflowRequest"):
            return self._replay(engine, item)
        return self._execute(engine, item) if item.HasField("activityRequest") else None

    def _tell_broken(self, instance_id: str, actions: Sequence[Any], events: Sequence[Any]) -> None:
        ends = {action.completeWorkflow.workflowStatus for action in actions if action.HasField("completeWorkflow")}
        started = [event.executionStarted for event in events if event.HasField("executionStarted")]
        if not started or not ends & {protos.ORCHESTRATION_STATUS_FAILED, protos.ORCHESTRATION_STATUS_TERMINATED}:
            return
        terminated = protos.ORCHESTRATION_STATUS_TERMINATED in ends
        if not terminated:
            log.error("workflow.failed", workflow=started[-1].name, instance=instance_id)
        self._on_broken(started[-1].name, instance_id, json.loads(started[-1].input.value or "null"), terminated)

    async def _replay(self, engine: TaskHubSidecarServiceStub, item: Any) -> None:
        """Run the workflow from its start to where its history ends, and tell what it asks for next."""
        request = item.workflowRequest
        bind_contextvars(turn=request.instanceId)
        step = protos.WorkflowResponse(instanceId=request.instanceId, completionToken=item.completionToken)
        try:
            open_events(request.pastEvents, request.instanceId, self._sealer)
            open_events(request.newEvents, request.instanceId, self._sealer)
            called = is_called(request.pastEvents, request.newEvents)
            executor = _OrchestrationExecutor(self._workflows, _SDK_LOG)
            past, new = in_order(request.pastEvents, request.newEvents)
            result = executor.execute(request.instanceId, past, new)
            self._tell_broken(request.instanceId, result.actions, (*past, *new))
            seal_actions(result.actions, request.instanceId, self._sealer, end=not called)
            step.actions.extend(result.actions)
            status = self._sealer.seal(result.encoded_custom_status or "", place_of(request.instanceId))
            step.customStatus.CopyFrom(make.get_string_value(status))
        except Exception as broken:
            log.exception("workflow.broke_down", turn=request.instanceId)
            step.actions.append(_failed(failure_of(broken, request.instanceId, self._sealer)))
        await _deliver(engine.CompleteOrchestratorTask, step)

    async def _execute(self, engine: TaskHubSidecarServiceStub, item: Any) -> None:
        """Run an activity and tell its result, or how it broke down: the workflow decides what becomes of that."""
        request = item.activityRequest
        turn_id = request.workflowInstance.instanceId
        bind_contextvars(turn=turn_id)
        done = protos.ActivityResponse(instanceId=turn_id, taskId=request.taskId, completionToken=item.completionToken)
        with self._noted(turn_id, request.name):
            try:
                place = place_of(turn_id)
                payload = self._sealer.open(request.input.value, place)
                result = await self._activities[request.name](turn_id, payload, request)
                done.result.CopyFrom(make.get_string_value(seal_json(result, place, self._sealer)))
            except Exception as broken:
                log.exception("activity.broke_down", activity=request.name, turn=turn_id)
                done.failureDetails.CopyFrom(failure_of(broken, turn_id, self._sealer))
            await _deliver(engine.CompleteActivityTask, done)

    @contextmanager
    def _noted(self, instance_id: str, activity: str) -> Iterator[None]:
        """While this holds, the instance is worked on here."""
        counts = activity not in self._waits
        self._executing[instance_id] += 1
        self._busy += counts
        try:
            yield
        finally:
            self._busy -= counts
            self._executing[instance_id] -= 1
            if not self._executing[instance_id]:
                del self._executing[instance_id]


def _on_our_context(workflow: Workflow) -> Callable[[Any, Any], Any]:
    """The workflow as the SDK's executor calls it."""
    quiet = sdk_logging()
    return lambda ctx, payload: workflow(DaprWorkflowContext(ctx, quiet), payload)


async def _watch(engine: TaskHubSidecarServiceStub) -> None:
    """Greet the sidecar now and then; raises AioRpcError when it does not answer.

    A stream on which nothing comes looks like one whose other end hangs, or is gone without a word.
    """
    while True:
        await asyncio.sleep(PULSE)
        await engine.Hello(Empty(), timeout=HELLO_TIMEOUT, metadata=call_metadata())


async def _deliver(complete: Callable[..., Awaitable[Any]], response: Any) -> None:
    """Hand a response in. One that does not arrive is asked for again by the engine."""
    try:
        try:
            await complete(response, metadata=call_metadata())
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
            log.error("worker.too_large", turn=response.instanceId, reason=error.details())
            await complete(_refused(response, error), metadata=call_metadata())  # once: sidecars limit more than sizes
    except grpc.aio.AioRpcError as lost:
        log.warning("worker.not_delivered", turn=response.instanceId, reason=lost.details())


def _refused(response: Any, error: grpc.aio.AioRpcError) -> Any:
    """The failure that stands for a response too large for the engine: it would be asked for again for ever."""
    why = ValueError(f"the result is too large for the workflow engine: {error.details()}")
    smaller = {"instanceId": response.instanceId, "completionToken": response.completionToken}
    if isinstance(response, protos.ActivityResponse):
        failure = make.new_failure_details(why)
        return protos.ActivityResponse(**smaller, taskId=response.taskId, failureDetails=failure)
    return protos.WorkflowResponse(**smaller, actions=[_failed(make.new_failure_details(why))])


def _failed(details: Any) -> Any:
    """The action that ends a workflow as failed."""
    return make.new_complete_workflow_action(-1, protos.ORCHESTRATION_STATUS_FAILED, "", details)
