"""No workflow of ours has a durable timer or waits for an event: where both meet, Dapr may lose the instance."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from dapr.ext.workflow import DaprWorkflowContext
from pydantic import SecretStr

import travelbuddy.workflow
from travelbuddy.bootstrap import build_services
from travelbuddy.settings import Settings
from travelbuddy.workflow.booking import booking
from travelbuddy.workflow.booking_payloads import BOOKING
from travelbuddy.workflow.contracts import TURN_WORKFLOW
from travelbuddy.workflow.fare_watch import fare_watch
from travelbuddy.workflow.probe import PROBE, probe
from travelbuddy.workflow.team import team_task
from travelbuddy.workflow.team_payloads import TEAM_WORKFLOW
from travelbuddy.workflow.turn import turn
from travelbuddy.workflow.watch_payloads import FARE_WATCH

FORBIDDEN = {"create_timer", "wait_for_external_event"}
FOLDER = Path(travelbuddy.workflow.__file__).parent
WORKFLOWS = {TURN_WORKFLOW, BOOKING, FARE_WATCH, TEAM_WORKFLOW, PROBE}


def _calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            yield f"{path.name}:{node.lineno} {node.attr}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_nothing_that_a_workflow_is_made_of_waits_in_the_engine(path: Path) -> None:
    """No file of the workflows names the two calls of the SDK that wait for a time or an event."""
    assert list(_calls(path)) == []


def test_these_are_all_workflows() -> None:
    """What the worker runs is what these files hold: another one would have to be looked at here."""
    settings = Settings(_env_file=None, flights="duffel", duffel_access_token=SecretStr("t"))
    worker = build_services(settings).worker
    assert {*worker._workflows.orchestrators} == WORKFLOWS
    for workflow in (turn, booking, fare_watch, team_task, probe):
        assert Path(inspect.getfile(workflow)).parent == FOLDER


def test_the_sdk_still_calls_them_so() -> None:
    """The two names are those of the SDK, which has no third way to wait."""
    waits = {name for name in dir(DaprWorkflowContext) if "timer" in name or "event" in name}
    assert waits == FORBIDDEN
