"""An instance that only shows that the engine hands out work. Deterministic, as every file with a generator."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.task import Task  # not re-exported by dapr.ext.workflow
from pydantic import JsonValue

PROBE = "probe"
"""The name of the workflow, and of its one activity, which does nothing."""


def probe(ctx: DaprWorkflowContext, payload: JsonValue) -> Generator[Task[Any], Any, None]:
    """Run to the end by way of one activity."""
    yield ctx.call_activity(PROBE, input=None)


async def nothing(instance_id: str, payload: str, request: Any) -> str:
    """The activity, as the worker executes it."""
    return "null"
