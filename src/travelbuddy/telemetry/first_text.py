"""When a model begins to speak."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter


def timed(on_text: Callable[[str], None] | None, tell: Callable[[float], None]) -> Callable[[str], None]:
    """``on_text``, and ``tell`` is told once, with the seconds from now to the first piece."""
    began, heard = perf_counter(), False

    def listen(piece: str) -> None:
        nonlocal heard
        if not heard and piece:
            heard = True
            tell(perf_counter() - began)
        if on_text is not None:
            on_text(piece)

    return listen
