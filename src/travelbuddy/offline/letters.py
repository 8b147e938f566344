"""Mails: what is written around the message itself, the address before it and the name beneath it."""

from __future__ import annotations

import re

_ADDRESS = re.compile(
    r"^(?:dear|respected|to whom|good (?:morning|afternoon|evening|day)|hello|hi|hey"
    r"|greetings)\b[^.?\n\d]{0,50}[,:!]?$",
    re.I,
)
_DEAR = re.compile(r"^(?:dear|respected|to whom)\b", re.I)
_CLOSING = re.compile(
    r"^(?:(?:with |many |very |kind |best |warm |yours |all |friendly |take |yours )*(?:regards|greetings|wishes|thanks"
    r"|truly|sincerely|faithfully|cordially|best|cheers|care|love|thank you|respectfully|ta)|thanking you"
    r"|thanks in advance|yours|sent from my .*"
    r"|--+|__+|br|rgds|thx)(?: [^.?\d]{0,30})?[,.!]*$",
    re.I,
)
_SIGNED = re.compile(r"^[-/~—]{0,2} ?(?:the |family )?(?:[A-ZÀ-Þ][\w'-]*\.? ?){1,4}(?:\([\w.]+\))?$")
_ENDED = re.compile(r"[.!?)]$")
_MOST_LINES = 8  # of what stands beneath a closing


def message_itself(text: str) -> str:
    """The text without "Dear Sir," above it and "Kind regards, Jane" below it; paragraphs end in a full stop.

    A line that greets stays, unless it is only an address. A message of one line is the message itself.
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 2:
        return text
    if _ADDRESS.match(lines[0]):
        lines[0] = "" if _DEAR.match(lines[0]) else re.split(r"\W", lines[0])[0] + "."
    closing = next((at for at, line in enumerate(lines) if at and _CLOSING.match(line)), len(lines))
    if sum(map(bool, lines[closing + 1 :])) <= _MOST_LINES:
        lines = lines[:closing]
    body = _unsigned(lines)
    stopped = [
        line if _ENDED.search(line) or not line or following else f"{line}."
        for line, following in zip(body, [*body[1:], "the end"], strict=True)
    ]
    return "\n".join(stopped)


def _unsigned(lines: list[str]) -> list[str]:
    """The lines without a name that stands alone below them."""
    last = len(lines)
    while last and not lines[last - 1]:
        last -= 1
    before = next((line for line in reversed(lines[: last - 1]) if line), "") if last else ""
    if last > 1 and before and _SIGNED.match(lines[last - 1]) and (_ENDED.search(before) or not lines[last - 2]):
        return lines[: last - 1]
    return lines[:last]
