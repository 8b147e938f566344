"""Texts of others on the way to a terminal: nothing in them may steer it."""

from __future__ import annotations

import json
import re

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what changes the direction of writing
    "\ud800-\udfff]"  # half characters, which no terminal can be sent
)
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def shown(text: object) -> str:
    """The text without control characters but tab and line feed, and without bidirectional controls."""
    return _STEERING.sub("", _LINE_ENDS.sub("\n", str(text)))


def one_line(text: object, most: int | None = None) -> str:
    """The text in one line; one longer than ``most`` characters is cut and ends with "…"."""
    line = " ".join(shown(text).split())
    return line if most is None or len(line) <= most else line[: most - 1].rstrip() + "…"


def json_text(value: object) -> str:
    """The value as readable JSON that means the same, with what could steer a terminal escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(f"{_STEERING.pattern}|[\u2028\u2029]", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
