"""What a change of a payload's shape does to turns in flight, told from the JSON schemas before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from travelbuddy.domain.turn import ModelResult, ToolResult
from travelbuddy.workflow.booking_payloads import BookingInput, BookingResult, BookingStep
from travelbuddy.workflow.contracts import CallModelInput, CallToolInput, TurnInput, TurnOutput
from travelbuddy.workflow.team_payloads import AcceptTask, AwaitReply, Progress
from travelbuddy.workflow.watch_payloads import LookInput, LookResult, WatchInput

FOLDER = Path(__file__).parent / "contracts"
PAYLOADS: tuple[type[BaseModel], ...] = (
    TurnInput,
    BookingInput,
    BookingStep,
    BookingResult,
    CallModelInput,
    CallToolInput,
    ModelResult,
    ToolResult,
    TurnOutput,
    WatchInput,
    LookInput,
    LookResult,
    AcceptTask,
    AwaitReply,
    Progress,
)
Schema = dict[str, Any]
MEANT_ANEW = {"model_attempts"}
"""Defaults that have another meaning since: every turn's input names its limits, so no turn in flight rests on them."""
_TOLD = {"title", "description", "$defs"}
"""What says nothing about which values are valid."""


def schema(payload: type[BaseModel]) -> Schema:
    """The payload's shape, with every part of it in place."""
    whole = payload.model_json_schema()
    flat = _flat(whole, whole.get("$defs", {}))
    assert isinstance(flat, dict)
    return flat


def recorded(payload: type[BaseModel]) -> Schema:
    """The shape that turns in flight were written with."""
    found: Schema = json.loads((FOLDER / f"{payload.__name__}.json").read_text(encoding="utf-8"))
    return found


def breaks(before: Schema, now: Schema, place: str = "") -> Iterator[str]:
    """Each way in which what was written as ``before`` cannot be read, or means something else, as ``now``."""
    old, new = before.get("properties", {}), now.get("properties", {})
    for name, shape in old.items():
        where = f"{place}.{name}".lstrip(".")
        if name not in new:
            yield f"{where} is gone or renamed"
            continue
        if name in now.get("required", []) and name not in before.get("required", []):
            yield f"{where} is required now"
        yield from breaks(shape, new[name], where)
    for name in new.keys() - old.keys():
        if name in now.get("required", []):
            yield f"{place}.{name} is new and required".lstrip(".")
    if "items" in before and "items" in now:
        yield from breaks(before["items"], now["items"], f"{place}[]")
    for key in before.keys() | now.keys():
        if key in {"properties", "required", "items", "enum", "anyOf"} or _may_differ(key, before, now, place):
            continue
        if not _same(before.get(key), now.get(key)):
            yield f"{place}: {key} was {before.get(key)!r} and is {now.get(key)!r}"
    yield from _narrowed(before, now, place)


def _same(before: Any, now: Any) -> bool:
    """Equal; or, where the default of a field is an object, equal in all that was in it."""
    if isinstance(before, dict) and isinstance(now, dict):
        return {name: value for name, value in before.items() if name not in MEANT_ANEW}.items() <= now.items()
    return bool(before == now)


def _may_differ(key: str, before: Schema, now: Schema, place: str) -> bool:
    return place.rpartition(".")[2] in MEANT_ANEW if key == "default" else _optional(before, now)


def _optional(before: Schema, now: Schema) -> bool:
    """Whether a value of before may also be left open now."""
    forms = now.get("anyOf", [])
    return "anyOf" not in before and {"type": "null"} in forms and any(f.items() <= before.items() for f in forms)


def _narrowed(before: Schema, now: Schema, place: str) -> Iterator[str]:
    if gone := [value for value in before.get("enum", []) if value not in now.get("enum", [])]:
        yield f"{place}: {gone} are values no more"
    if ("items" in before) != ("items" in now) or ("enum" in now and "enum" not in before):
        yield f"{place} is of another kind"
    for number, choice in enumerate(before.get("anyOf", [])):
        others = now.get("anyOf", [])
        alike = [other for other in others if other.get("type") == choice.get("type")]
        if not alike or all(list(breaks(choice, other, place)) for other in alike):
            yield f"{place}: its form {number + 1} is no more, or another"


def _flat(part: Any, shapes: dict[str, Any]) -> Any:
    """The schema without names and words, every reference replaced by what it stands for."""
    if isinstance(part, list):
        return [_flat(one, shapes) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        rest = {key: value for key, value in part.items() if key != "$ref"}
        part = {**shapes[part["$ref"].rpartition("/")[2]], **rest}
    return {
        key: {name: _flat(one, shapes) for name, one in value.items()} if key == "properties" else _flat(value, shapes)
        for key, value in part.items()
        if key not in _TOLD
    }


def record() -> None:
    """Write the shapes of now; refuse where turns in flight would not be understood."""
    FOLDER.mkdir(exist_ok=True)
    for payload in PAYLOADS:
        path, now = FOLDER / f"{payload.__name__}.json", schema(payload)
        if path.exists() and (broken := list(breaks(recorded(payload), now))):
            raise SystemExit(f"{payload.__name__}: {'; '.join(broken)}")
        path.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
