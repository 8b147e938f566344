"""The agent as a tool of other agents: a task in, the reply of one turn out. Deterministic, like `turn`."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.task import Task, TaskFailedError
from pydantic import JsonValue

from travelbuddy.domain.teams import BadTask, task_of
from travelbuddy.workflow.team_payloads import ACCEPT_TASK, AGENT, AWAIT_REPLY, AcceptTask, Ask, AwaitReply, Progress
from travelbuddy.workflow.waits import now

MAX_ASKS = 500
"""How often an activity is asked in vain, before the caller is told that nothing came. With a turn at work, 8 hours."""
PAUSE = 1.0
LONGEST_PAUSE = 30.0
NOT_TAKEN = "I could not take this task: my storage did not answer. Ask me again later."
STILL_AT_WORK = "I am still at work on this. My reply will be in my conversation with you."

Step = Generator["Task[Any]", Any, Progress]


def team_task(ctx: DaprWorkflowContext, payload: JsonValue) -> Generator[Task[Any], Any, dict[str, str]]:
    """Have the task accepted as a turn, wait for its reply, and say it as dapr-agents expects of an agent.

    Whatever goes wrong is said in the reply: a failed workflow would end the caller's.
    """
    try:
        task = task_of(payload, ctx.instance_id)
    except BadTask as bad:
        return _said(f"I cannot take this task. {bad}.")
    ask = AcceptTask(user_id=task.user_id, session_id=task.session_id, text=task.text, key=task.key)
    came = yield from _ask(ctx, ACCEPT_TASK, ask)
    if came.turn_id is None:
        return _said(came.reply or NOT_TAKEN)
    ctx.set_custom_status(f"turn {came.turn_id}")
    came = yield from _ask(ctx, AWAIT_REPLY, AwaitReply(user_id=task.user_id, turn_id=came.turn_id))
    return _said(came.reply or STILL_AT_WORK)


def _ask(ctx: DaprWorkflowContext, activity: str, payload: Ask) -> Step:
    """The activity's result, asked for again until it has one, or MAX_ASKS times.

    The pauses are inside the activity: this workflow has no durable timer (ARC-030).
    """
    pause = PAUSE
    for _ in range(MAX_ASKS):
        try:
            came = Progress.model_validate((yield ctx.call_activity(activity, input=payload.wire())))
        except TaskFailedError:
            came = Progress(retry_after=pause)
        if came.turn_id is not None or came.reply is not None:
            return came
        if came.retry_after is None:  # it waited, and goes on waiting
            pause = PAUSE
        again = now(ctx) + timedelta(seconds=came.retry_after or PAUSE)
        payload = payload.model_copy(update={"after": again.timestamp()})
        pause = min(pause * 2, LONGEST_PAUSE)
    return Progress()


def _said(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content, "name": AGENT}
