"""Server-sent events out of the bytes of a stream."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event; ``data`` is its JSON object, ``id`` the place to go on from."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    id: str = ""


class EventParser:
    """Takes a stream's bytes as they come, cut anywhere, and gives the events that are whole.

    Lines end with CR, LF or both and with nothing else: texts may hold every other separator of lines.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest, self._after_cr = "", False
        self._name, self._id = "", ""
        self._data: list[str] = []

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that end within ``data``."""
        text = self._decoder.decode(data)
        if self._after_cr:
            text = text.removeprefix("\n")  # the second half of a line's end
        self._after_cr = text.endswith("\r") or (self._after_cr and not text)
        *lines, self._rest = (self._rest + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines:
            if line:
                self._field(line)
            elif (event := self._event()) is not None:
                yield event

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value

    def _event(self) -> Event | None:
        """The event that an empty line ends; None for one without data, or whose data is no object."""
        name, text = self._name or "message", "\n".join(self._data)
        self._name, self._data = "", []
        try:
            data = json.loads(text) if text else None
        except ValueError:
            return None
        return Event(name, data, self._id) if isinstance(data, dict) else None
