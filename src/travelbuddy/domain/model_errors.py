"""What an error of the model's server means: a refusal that lasts, or trouble that passes and is waited for.

Two tables decide, codes first: a server may send the same code with different statuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Refusal = Literal["key", "not_found", "too_long", "content_filter", "quota", "bad_request"]
"""Why a request is refused for good: sent again unchanged it would be refused again."""

WORDS: dict[Refusal, str] = {
    "key": "the model's server does not accept the key",
    "not_found": "the model's server does not know the model or the address",
    "too_long": "the request is too long for the model",
    "content_filter": "the model's server does not answer requests of this content",
    "quota": "the quota at the model's server is used up",
    "bad_request": "the model's server refused the request",
}
"""What is said of each refusal, without a word of the server's."""
MAX_WORDS = 300

_BY_CODE: dict[str, Refusal] = {
    "context_length_exceeded": "too_long",
    "exceed_context_size_error": "too_long",
    "string_above_max_length": "too_long",
    "request_too_large": "too_long",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "insufficient_quota": "quota",
    "insufficient_user_quota": "quota",
    "insufficient_balance": "quota",
    "exceeded_current_quota_error": "quota",
}
_BY_START: dict[str, Refusal] = {"billing": "quota"}
"""By how a code begins."""
_BY_STATUS: dict[int, Refusal] = {401: "key", 402: "quota", 403: "key", 404: "not_found", 413: "too_long"}
_WAITED_FOR = {408, 409, 425, 429}


@dataclass(frozen=True)
class ServerError:
    """What the body of an error says: its codes, and its words, which may quote the request or a key."""

    codes: tuple[str, ...] = ()
    words: str = ""


def refusal(status: int, codes: Iterable[str] = ()) -> Refusal | None:
    """Why the request is refused for good; None for trouble that passes. ``status`` is 300 or more."""
    for code in codes:
        if (found := _of_code(code.lower())) is not None:
            return found
    if status >= 500 or status in _WAITED_FOR:
        return None
    if status < 400:  # a redirection: the address is another one
        return "not_found"
    return _BY_STATUS.get(status, "bad_request")


def read_error(body: bytes) -> ServerError:
    """What a body says, in the form of OpenAI (``{"error": {…}}``), in a list or flat, or as a text of any kind."""
    whole = body[:MAX_WORDS].decode(errors="replace")
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ServerError(words=whole)
    found = found[0] if isinstance(found, list) and found else found
    error = found.get("error", found) if isinstance(found, dict) else None
    if isinstance(error, str):
        return ServerError(words=error[:MAX_WORDS])
    if not isinstance(error, dict):
        return ServerError(words=whole)
    codes = tuple(str(error[key]) for key in ("code", "type") if error.get(key) is not None)
    words = error.get("message")
    return ServerError(codes, str(words)[:MAX_WORDS] if words is not None else whole)


def _of_code(code: str) -> Refusal | None:
    by_start = (reason for start, reason in _BY_START.items() if code.startswith(start))
    return _BY_CODE.get(code) or next(by_start, None)
