"""What may be remembered of a user, in one normal form: the same rules for the model's tool and for the API."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import JsonValue
from pydantic_core import to_json

from travelbuddy.domain.travel import parse_cabin
from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import find_place

MAX_CHARS = 200
MAX_KEYS = 100
MAX_BYTES = 16 * 1024
CHOICES = {"preferred_style": ("concise", "detailed"), "expertise_level": ("beginner", "expert")}
DERIVED = frozenset({"user_id", "last_seen", "total_interactions"})
NAME = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")


def normal_value(key: str, value: str) -> str:
    """The value as it is stored. Raises ToolError, with field ``value``, for one that makes no sense for this key."""
    text = _one_line(value)
    if key == "home_airport":
        try:
            return find_place(text).code
        except ToolError as error:
            raise ToolError(error.kind, str(error), field="value", suggestions=error.suggestions) from None
    if key == "cabin":
        try:
            return parse_cabin(text)
        except ValueError as error:
            raise _bad(f"'{text[:40]}' is not a cabin; {error}.") from None
    if key == "timezone":
        return _zone(text).key
    choices = CHOICES.get(key)
    if choices is None:
        return text
    if text.casefold() not in choices:
        raise ToolError("bad_value", f"{key} is {' or '.join(choices)}.", field="value", suggestions=choices)
    return text.casefold()


def checked_changes(
    known: Mapping[str, JsonValue], changes: Mapping[str, JsonValue]
) -> tuple[dict[str, JsonValue], dict[str, str]]:
    """A client's changes in normal form (None deletes a key), and for each bad key what is wrong with it."""
    good: dict[str, JsonValue] = {}
    bad: dict[str, str] = {}
    for key, value in changes.items():
        try:
            good[key] = _checked(key, value)
        except ToolError as error:
            bad[key[:64]] = f"{error} Try: {', '.join(error.suggestions)}" if error.suggestions else str(error)
    kept = {key: value for key, value in {**known, **good}.items() if value is not None}
    if len(kept) > MAX_KEYS or len(to_json(kept)) > MAX_BYTES:
        bad.setdefault("body", f"at most {MAX_KEYS} preferences and {MAX_BYTES // 1024} KiB are kept of a user")
    return good, bad


def zone_of(context: Mapping[str, JsonValue]) -> tzinfo:
    """The user's time zone: the one they named, else their home airport's, else UTC."""
    try:
        if isinstance(zone := context.get("timezone"), str):
            return _zone(zone)
        if isinstance(home := context.get("home_airport"), str):
            return ZoneInfo(find_place(home).tz)
    except (ToolError, ZoneInfoNotFoundError):
        pass
    return UTC


def today_for(context: Mapping[str, JsonValue], clock: Callable[[], datetime], fixed: date | None) -> date:
    """The day it is for this user, or the one the settings fix."""
    return fixed or clock().astimezone(zone_of(context)).date()


def _checked(key: str, value: JsonValue) -> JsonValue:
    if key in DERIVED:
        raise _bad("is derived from what happens; it cannot be set.")
    if not NAME.fullmatch(key):
        raise _bad("a preference's name is 1 to 64 letters, digits, '_', '.' or '-'.")
    if value is None:
        return None
    if isinstance(value, str):
        return normal_value(key, value)
    if isinstance(value, dict | list):
        raise _bad("send a text, a number, true, false, or null to delete it.")
    return normal_value(key, str(value)) if key in _TYPED else value


_TYPED = frozenset({"home_airport", "cabin", "timezone", "language", "name", *CHOICES})


def _one_line(value: str) -> str:
    """The value in one line; refused when it is empty, long, or holds what no one can see (it goes into the prompt)."""
    text = value.strip()
    if not text:
        raise _bad("The value is empty; use forget_preference, or null over the API, to delete one.")
    if len(text) > MAX_CHARS:
        raise _bad(f"The value is longer than {MAX_CHARS} characters.")
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise _bad("The value holds control characters or line breaks.")
    return text


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _bad(f"'{text[:40]}' is no time zone; name one as in Europe/Oslo.") from None


def _bad(message: str) -> ToolError:
    return ToolError("bad_value", message, field="value")
