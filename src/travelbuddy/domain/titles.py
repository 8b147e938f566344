"""What a session is called: the beginning of its first message, until its user calls it otherwise."""

from __future__ import annotations

MAX_TITLE = 80
"""Characters of a title that a user gives."""
MAX_BEGINNING = 60
_LOOKED_AT = 1_000
_JOINERS = "\u200c\u200d"  # unprintable, and a part of words and emoji

UNSEEN = r"\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""Characters, as in a class of a pattern, that no one sees, that break a line, or that turn what follows around."""
TITLE = rf"^[^{UNSEEN}]*[^\s{_JOINERS}{UNSEEN}][^{UNSEEN}]*$"
"""A title: one line with something to see in it."""


def beginning(message: str) -> str | None:
    """The message's first words in one line, at most MAX_BEGINNING characters; None when there is nothing to see."""
    seen = "".join(char for char in message[:_LOOKED_AT] if _shown(char))
    line = " ".join(seen.split()).strip(_JOINERS)
    if len(line) <= MAX_BEGINNING:
        return line or None
    cut = line[: MAX_BEGINNING - 1]
    whole, space, _ = cut.rpartition(" ")
    return f"{whole if space and len(whole) > MAX_BEGINNING // 2 else cut}…"


def _shown(char: str) -> bool:
    return char.isprintable() or char.isspace() or char in _JOINERS
