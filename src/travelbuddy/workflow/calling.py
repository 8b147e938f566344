"""Workflows that other apps call: who called is told to them, and what they say is for the caller to read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from travelbuddy.domain.teams import CALLER

CALLED = "dapr.agents."
"""How the names of workflows begin that agents of other apps call."""


def is_called(*histories: Iterable[Any]) -> bool:
    """Whether these histories are of a workflow that others call. Tells it who did, in place.

    The engine knows which workflow called, and by which of its steps; the input alone does not say. A caller whose
    code gives the same call another id when it is replayed is known by this again.
    """
    for event in (event for history in histories for event in history):
        if event.HasField("executionStarted"):
            if not event.executionStarted.name.startswith(CALLED):
                return False
            _tell(event.executionStarted)
            return True
    return False


def _tell(started: Any) -> None:
    payload = json.loads(started.input.value or "null")
    if not isinstance(payload, dict):
        return
    payload.pop(CALLER, None)
    if started.HasField("parentInstance"):
        parent = started.parentInstance
        payload[CALLER] = {
            "app_id": parent.appID,
            "instance_id": parent.workflowInstance.instanceId,
            "call": f"{parent.workflowInstance.executionId.value}|{parent.taskScheduledId}",
        }
    started.input.value = json.dumps(payload)
