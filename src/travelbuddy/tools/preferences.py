"""What the agent keeps of a user from one conversation to the next, set and deleted by the model."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.domain.travel import parse_cabin
from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import find_place
from travelbuddy.tools.base import ToolContext, tool

MAX_CHARS = 200
PreferenceKey = Literal[
    "name",
    "home_airport",
    "cabin",
    "language",
    "preferred_style",
    "expertise_level",
    "seat",
    "diet",
    "airline",
]
_CHOICES = {"preferred_style": ("concise", "detailed"), "expertise_level": ("beginner", "expert")}


class Remembered(BaseModel):
    """The preference as it was stored; ``place`` is the readable name of an airport's code."""

    model_config = ConfigDict(frozen=True)
    remembered: dict[str, str]
    place: str | None = None


class Forgotten(BaseModel):
    """The key that no longer has a value."""

    model_config = ConfigDict(frozen=True)
    forgotten: str


@tool
async def remember_preference(
    ctx: ToolContext,
    key: Annotated[PreferenceKey, Field(description="What the value is about.")],
    value: Annotated[str, Field(description="As the user said it; in one line.")],
) -> Remembered:
    """Remember a lasting fact the user states about themselves, for this and all later conversations.

    preferred_style is concise or detailed; expertise_level is beginner or expert.
    """
    text = _cleaned(value)
    if key == "home_airport":
        try:
            place = find_place(text)
        except ToolError as error:
            raise ToolError(error.kind, str(error), field="value", suggestions=error.suggestions) from None
        await ctx.remember({key: place.code})
        return Remembered(remembered={key: place.code}, place=place.label)
    stored = _normal(key, text)
    await ctx.remember({key: stored})
    return Remembered(remembered={key: stored})


@tool
async def forget_preference(
    ctx: ToolContext, key: Annotated[PreferenceKey, Field(description="What to forget.")]
) -> Forgotten:
    """Forget one thing remembered about the user. Forgetting what is not known is fine."""
    await ctx.remember({key: None})
    return Forgotten(forgotten=key)


def _cleaned(value: str) -> str:
    """The value in one line; refused when it is empty, long, or holds what no one can see (it goes into the prompt)."""
    text = value.strip()
    if not text:
        raise ToolError("bad_value", "The value is empty; use forget_preference to delete one.", field="value")
    if len(text) > MAX_CHARS:
        raise ToolError("bad_value", f"The value is longer than {MAX_CHARS} characters.", field="value")
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise ToolError("bad_value", "The value holds control characters or line breaks.", field="value")
    return text


def _normal(key: str, text: str) -> str:
    if key == "cabin":
        try:
            return parse_cabin(text)
        except ValueError as error:
            raise ToolError("bad_value", f"'{text[:40]}' is not a cabin; {error}.", field="value") from None
    choices = _CHOICES.get(key)
    if choices is None:
        return text
    if text.casefold() not in choices:
        raise ToolError("bad_value", f"{key} is {' or '.join(choices)}.", field="value", suggestions=choices)
    return text.casefold()
