"""What a thief of the disk would find: every byte of every file, searched for a text in all the forms it may take."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path

EMPTY = b"\0" * 4096
"""Files made large in advance hold nothing but this."""


def files_with(folders: Iterable[Path], *texts: str) -> dict[str, set[str]]:
    """For each text that is found the names of the files that hold it, in whatever form."""
    wanted = {text: forms(text) for text in texts}
    found: dict[str, set[str]] = {}
    for file in (path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()):
        content = file.read_bytes().replace(EMPTY, b"")
        for text, shapes in wanted.items():
            if any(shape in content for shape in shapes):
                found.setdefault(text, set()).add(file.name)
    return found


def forms(text: str) -> set[bytes]:
    """The text in UTF-8 and UTF-16, escaped as JSON, in base64 once and twice, in hex, and as Go prints bytes."""
    plain = {text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), json.dumps(text)[1:-1].encode()}
    once = {shape for one in plain for shape in _base64(one)}
    twice = {shape for one in once for shape in _base64(one)}
    hexed = {one.hex().encode() for one in plain} | {one.hex().upper().encode() for one in plain}
    go = {" ".join(map(str, one)).encode() for one in plain}
    return plain | once | twice | hexed | go


def _base64(data: bytes) -> set[bytes]:
    """What is sure to be in the base64 of anything that holds these bytes, wherever they begin in it."""
    shapes = set()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data)
        first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        shapes |= {text[first:last], text[first:last].replace(b"+", b"-").replace(b"/", b"_")}
    return shapes
