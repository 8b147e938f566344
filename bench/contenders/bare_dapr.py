"""The floor: a Dapr workflow with three activities that do nothing. No model, no tool, no memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext, WorkflowActivityContext, WorkflowRuntime
from dapr.ext.workflow.aio import DaprWorkflowClient
from door import Chat, serve
from fastapi import FastAPI

ACTIVITIES = 3
PLACE = {"host": "127.0.0.1", "port": os.environ["DAPR_GRPC_PORT"]}


def turn(ctx: DaprWorkflowContext, message: str) -> Generator[Any, Any, str]:
    """One activity after the other."""
    for _ in range(ACTIVITIES):
        message = yield ctx.call_activity(nothing, input=message)
    return message


def nothing(_ctx: WorkflowActivityContext, message: str) -> str:
    """Give back what came."""
    return message


client = DaprWorkflowClient(**PLACE)


async def answer(chat: Chat) -> str:
    """Start a workflow and wait for its end."""
    instance = await client.schedule_new_workflow(turn, input=chat.message)
    state = await client.wait_for_workflow_completion(instance, timeout_in_seconds=60)
    return str(state.serialized_output) if state is not None else ""


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Run the workflow worker."""
    runtime = WorkflowRuntime(**PLACE)
    runtime.register_workflow(turn)
    runtime.register_activity(nothing)
    runtime.start()
    yield
    runtime.shutdown()


if __name__ == "__main__":
    serve(answer, lifespan)
