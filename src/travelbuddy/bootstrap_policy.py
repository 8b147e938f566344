"""The part of the composition root for what every turn is started with."""

from __future__ import annotations

from travelbuddy.domain.turn import Limits
from travelbuddy.settings import Settings
from travelbuddy.tools.base import Toolbox
from travelbuddy.turn_policy import TurnPolicy

OFFLINE_MODEL = "offline-travel-1"


def policy_of(settings: Settings, toolbox: Toolbox) -> TurnPolicy:
    """The model, the tools that are there when a turn is accepted, and its limits."""
    return TurnPolicy(
        model=model_of(settings),
        tools=lambda: toolbox.names,
        limits=Limits(
            max_steps=settings.max_steps,
            model_attempts=settings.model_attempts,
            model_patience=settings.model_patience,
            max_tokens=settings.max_tokens_per_turn,
            max_session_tokens=settings.max_tokens_per_session,
            max_day_tokens=settings.max_tokens_per_day,
        ),
    )


def model_of(settings: Settings) -> str:
    """The model that new turns are asked of."""
    return OFFLINE_MODEL if settings.offline else settings.openai_model
