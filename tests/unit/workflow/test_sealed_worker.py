"""The worker with keys, against a real gRPC server: what goes over the wire shows nothing."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from dapr.ext.workflow._durabletask.internal import protos
from tests.unit.workflow.test_worker import MODEL_CALL, TURN, Activities, Engine, activity, until, workflow

from travelbuddy.sealing import Sealer, is_sealed
from travelbuddy.telemetry.metrics import Metrics
from travelbuddy.workflow.contracts import CALL_MODEL, TURN_WORKFLOW, CallModelInput
from travelbuddy.workflow.executing import turn_steps
from travelbuddy.workflow.payloads import place_of, seal_json
from travelbuddy.workflow.runtime import WorkflowWorker
from travelbuddy.workflow.turn import turn

SEALER = Sealer("PAYLOAD_KEY", secrets.token_hex(32))
PLACE = place_of("t")
WORDS = TURN.message


async def _answer(item: Any, *, broken: Exception | None = None, sealer: Sealer = SEALER) -> tuple[Any, Activities]:
    """The worker's answer to one item."""
    engine, activities = Engine(), Activities()
    activities.broken = broken
    await engine.start()
    steps = turn_steps(activities, Metrics().turns)
    task = asyncio.create_task(WorkflowWorker({TURN_WORKFLOW: turn}, steps, "127.0.0.1", engine.port, sealer).run())
    try:
        engine.hand_out(item)
        await until(lambda: bool(engine.answers))
        return engine.answers[0], activities
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await engine.stop()


def _sealed(payload: Any) -> str:
    return seal_json(json.dumps(payload), PLACE, SEALER)


async def test_an_activity_reads_a_sealed_input_and_answers_sealed() -> None:
    """The activity gets its typed input; its result opens with the key only."""
    answer, activities = await _answer(activity(CALL_MODEL, _sealed(MODEL_CALL.wire())))
    assert activities.calls == [("t", MODEL_CALL)]
    assert answer.result.value.startswith('"sealed.')
    assert json.loads(SEALER.open(answer.result.value, PLACE))["kind"] == "queued"


async def test_an_input_from_before_is_still_executed() -> None:
    """An activity that was scheduled before sealing began is executed, and answered sealed."""
    answer, activities = await _answer(activity(CALL_MODEL, json.dumps(MODEL_CALL.wire())))
    assert activities.calls == [("t", MODEL_CALL)]
    assert answer.result.value.startswith('"sealed.')


async def test_a_breakdown_is_told_sealed() -> None:
    """The message of an exception may quote people; its type and place stay readable."""
    answer, _ = await _answer(activity(CALL_MODEL, _sealed(MODEL_CALL.wire())), broken=ValueError(f"no {WORDS}"))
    assert answer.failureDetails.errorType == "ValueError"
    assert WORDS.encode() not in answer.SerializeToString()
    assert SEALER.open(answer.failureDetails.errorMessage, PLACE) == f"no {WORDS}"


async def test_a_bad_input_is_told_without_its_words() -> None:
    """A validation error quotes its input; nothing of that reaches the engine."""
    answer, _ = await _answer(activity(CALL_MODEL, json.dumps({"turn": WORDS})))
    assert answer.failureDetails.errorType == "ValidationError"
    assert WORDS.encode() not in answer.SerializeToString()


async def test_a_workflow_is_replayed_sealed() -> None:
    """The next step is asked for with a sealed input and a sealed status, bound to the instance."""
    item = workflow()
    started = item.workflowRequest.newEvents[1].executionStarted
    started.input.value = _sealed(json.loads(started.input.value))
    answer, _ = await _answer(item)
    assert WORDS.encode() not in answer.SerializeToString()
    assert is_sealed(answer.customStatus.value)
    assert SEALER.open(answer.customStatus.value, PLACE) == "thinking (step 1, attempt 1)"
    (action,) = answer.actions
    told = SEALER.open(action.scheduleTask.input.value, PLACE)
    assert CallModelInput.model_validate_json(told).turn == TURN


async def test_a_missing_key_fails_what_it_closes_and_says_so_readably() -> None:
    """An activity and a workflow that do not open fail at once, with a reason that names the setting."""
    nobody = Sealer("PAYLOAD_KEY", secrets.token_hex(32))
    item = workflow()
    started = item.workflowRequest.newEvents[1].executionStarted
    started.input.value = _sealed(json.loads(started.input.value))
    answer, _ = await _answer(item, sealer=nobody)
    (action,) = answer.actions
    assert action.completeWorkflow.workflowStatus == protos.ORCHESTRATION_STATUS_FAILED
    assert "PAYLOAD_KEY_OLD" in action.completeWorkflow.failureDetails.errorMessage
    answer, activities = await _answer(activity(CALL_MODEL, _sealed(MODEL_CALL.wire())), sealer=nobody)
    assert "PAYLOAD_KEY_OLD" in answer.failureDetails.errorMessage
    assert activities.calls == []


async def test_a_payload_of_another_instance_is_refused() -> None:
    """A sealed payload that somebody moved to this instance does not open here."""
    moved = seal_json(json.dumps(MODEL_CALL.wire()), place_of("another"), SEALER)
    answer, activities = await _answer(activity(CALL_MODEL, moved))
    assert answer.failureDetails.errorType == "CannotOpen"
    assert activities.calls == []
