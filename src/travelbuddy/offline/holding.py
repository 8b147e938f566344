"""Asking for a hold of an offer that the message names by its id, as the chat page's cards do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

HOLD = "hold_flight"
_NAMED = re.compile(r"\b(?:hold|book|reserve)\b[^\n]{0,300}\(offer ([A-Za-z0-9_-]{4,80})\)", re.I)
ASKED = "I have asked for your approval. Nothing is held until you approve it; the outcome will be told here."


def named_offer(message: str) -> str | None:
    """The id of the offer that is to be held; None where the message names none."""
    found = _NAMED.search(message[:1_000])
    return found[1] if found else None


def told(result: Mapping[str, JsonValue]) -> str:
    """What is said once the tool has answered."""
    error = result.get("error")
    if isinstance(error, dict):
        return f"I cannot ask for that: {error.get('message') or 'it was refused'}"
    return ASKED
