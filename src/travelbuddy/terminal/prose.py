"""A reply's lines as they are shown: the few marks that models write become styles, everything else stays as it is."""

from __future__ import annotations

import re

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from travelbuddy.terminal.texts import shown

_INLINE = re.compile(r"\*\*(?P<bold>[^*\n]+)\*\*|`(?P<code>[^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} +")
_ITEM = re.compile(r"^(?P<indent> *)(?P<mark>[-*•]|\d{1,3}[.)]) +(?P<text>.*)$")


def prose(line: str) -> RenderableType:
    """One line of a reply. An item of a list hangs under its mark when it is wrapped."""
    line = shown(line).expandtabs(4)
    if item := _ITEM.match(line):
        mark = "•" if item["mark"] in "-*" else item["mark"]
        row = Table.grid(padding=(0, 1))
        row.add_column(no_wrap=True, style="tb.mark")
        row.add_column(overflow="fold")
        row.add_row(mark, _inline(item["text"]))
        return Padding(row, (0, 0, 0, len(item["indent"])), expand=False)
    heading = _HEADING.match(line)
    text = _inline(line[heading.end() :] if heading else line)
    if heading:
        text.stylize("bold")
    return text


def _inline(line: str) -> Text:
    text, at = Text(overflow="fold"), 0
    for match in _INLINE.finditer(line):
        text.append(line[at : match.start()])
        text.append(match["bold"] or match["code"], "bold" if match["bold"] else "tb.code")
        at = match.end()
    return text.append(line[at:])
