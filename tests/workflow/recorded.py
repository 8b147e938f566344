"""Histories of real turns, kept as files: what turns that an earlier version has begun look like."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dapr.ext.workflow._durabletask.internal import protos
from google.protobuf.json_format import MessageToDict, ParseDict

FOLDER = Path(__file__).parent / "histories"
DECIDED = {"taskScheduled", "timerCreated", "executionCompleted"}
"""Events that tell what the workflow itself asked for; all others came to it from outside."""


def save(path: Path, events: Sequence[Any]) -> None:
    """Write a history, one event a line."""
    lines = ",\n".join(json.dumps(MessageToDict(event), ensure_ascii=False) for event in events)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def load(path: Path) -> list[Any]:
    """The events of a history."""
    return [ParseDict(event, protos.HistoryEvent()) for event in json.loads(path.read_text(encoding="utf-8"))]


def steps(events: Sequence[Any]) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    """For each step of the workflow: the history before it, what came to it, and what it decided."""
    starts = [number for number, event in enumerate(events) if event.WhichOneof("eventType") == "workflowStarted"]
    for start, end in zip(starts, [*starts[1:], len(events)], strict=True):
        step = events[start:end]
        came = [event for event in step if event.WhichOneof("eventType") not in DECIDED]
        decided = [event for event in step if event.WhichOneof("eventType") in DECIDED]
        yield list(events[:start]), came, decided
