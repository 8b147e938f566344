"""JSON schemas for strict function calling, in which a model can send nothing that the schema does not allow.

The rules: https://platform.openai.com/docs/guides/function-calling#strict-mode. Every property is required, one that
may be left out may be null instead; nothing else is allowed in; and only some keywords are known, which the servers of
this protocol do not agree on, so that the fewest are used. Bounds stand in the descriptions and are checked here.
"""

from __future__ import annotations

from typing import Any

_KEYWORDS = {"type", "description", "enum", "anyOf"}
_NULL = {"type": "null"}


def strict(parameters: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object whose properties are plain values, for strict mode."""
    needed = parameters.get("required", ())
    properties = {
        name: _plain(part) if name in needed else _or_null(_plain(part))
        for name, part in parameters["properties"].items()
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """The part with no keyword but those that every server knows; one type or null is written in short."""
    plain = {key: value for key, value in part.items() if key in _KEYWORDS}
    kinds = [_plain(kind) for kind in plain.pop("anyOf", ())]
    real = [kind for kind in kinds if kind != _NULL]
    if len(real) == 1:
        return _or_null({**real[0], **plain}) if _NULL in kinds else {**real[0], **plain}
    return {**plain, "anyOf": kinds} if kinds else plain


def _or_null(part: dict[str, Any]) -> dict[str, Any]:
    if isinstance(part.get("type"), list) or _NULL in part.get("anyOf", ()):
        return part
    if "anyOf" in part:
        return {**part, "anyOf": [*part["anyOf"], _NULL]}
    values = {"enum": [*part["enum"], None]} if "enum" in part else {}
    return {**part, "type": [part["type"], "null"], **values}
