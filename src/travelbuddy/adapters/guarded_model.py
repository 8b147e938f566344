"""The model behind a circuit breaker: when it is down, turns wait instead of asking it one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from travelbuddy.adapters.ports import ChatModel, ModelAnswer
from travelbuddy.errors import ModelUnavailable, Transient
from travelbuddy.resilience import Guard

THRESHOLD = 10
OPEN_FOR = 5.0


class GuardedModel:
    """ChatModel over another one. Being told to wait (429) is no trouble, and neither is a refused request."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self.guard = Guard("model", THRESHOLD, OPEN_FOR, _refusal)

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        """See ChatModel. While the breaker is open, ModelUnavailable at once, with the time until it may be asked."""
        return await self.guard.call(
            lambda: self._model.complete(messages, model=model, tools=tools, on_text=on_text), _counts
        )


def _counts(trouble: Transient) -> bool:
    return trouble.retry_after is None


def _refusal(seconds: float) -> ModelUnavailable:
    return ModelUnavailable("the model is failing; it was not asked again yet", retry_after=seconds)
