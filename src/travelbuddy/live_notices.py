"""What replicas tell each other of a turn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from travelbuddy.domain.progress import Said
from travelbuddy.domain.steps import Step
from travelbuddy.live_turn import LiveTurn
from travelbuddy.workflow.contracts import CallModelInput

Notice = dict[str, Any]


def merged(older: Mapping[str, Any], newer: Mapping[str, Any]) -> Notice | None:
    """Two notices as one, when they are neighbouring pieces of one text; else None."""
    same = all(older.get(key) == newer.get(key) for key in ("kind", "turn", "step", "run"))
    if not (same and "text" in older and "text" in newer and older["offset"] + len(older["text"]) == newer["offset"]):
        return None
    return {**older, "text": older["text"] + newer["text"]}


def calls_notice(said: Said) -> Notice:
    """What a step calls."""
    return {"calls": [json.loads(call.model_dump_json()) for call in said.calls], "content": said.text}


def stands_notice(live: LiveTurn) -> Notice:
    """How the turn stands, with its timeline so far."""
    return {"status": live.status, "timeline": live.shown["timeline"]}


def running(call: CallModelInput, doing: str) -> dict[str, Any]:
    """The status of a turn at this call of the model."""
    return {"state": "running", "doing": doing, "step": call.step, "attempt": call.attempt}


def steps_told(told: Sequence[Any]) -> list[Step]:
    """What is a step of what another replica told."""
    steps = []
    for one in told:
        with suppress(ValidationError):
            steps.append(Step.model_validate(one))
    return steps
