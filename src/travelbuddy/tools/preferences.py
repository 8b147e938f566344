"""What the agent keeps of a user from one conversation to the next, set and deleted by the model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.flights.airports import find_place
from travelbuddy.preferences import normal_value
from travelbuddy.tools.base import ToolContext, tool

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
    "timezone",
]


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
    stored = normal_value(key, value)
    await ctx.remember({key: stored})
    place = find_place(value.strip()).label if key == "home_airport" else None
    return Remembered(remembered={key: stored}, place=place)


@tool
async def forget_preference(
    ctx: ToolContext, key: Annotated[PreferenceKey, Field(description="What to forget.")]
) -> Forgotten:
    """Forget one thing remembered about the user. Forgetting what is not known is fine."""
    await ctx.remember({key: None})
    return Forgotten(forgotten=key)
