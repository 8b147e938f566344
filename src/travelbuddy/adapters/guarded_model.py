"""The model behind a circuit breaker: when it is down, turns wait instead of asking it one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from travelbuddy.adapters.ports import ChatModel, ModelAnswer
from travelbuddy.errors import ModelUnavailable, Transient
from travelbuddy.resilience import Guard

Answered = Callable[[str, ModelAnswer], None]
THRESHOLD = 10
OPEN_FOR = 5.0
OUTAGES = frozenset({"server_error", "timeout", "unreachable"})


class GuardedModel:
    """ChatModel over another one.

    Trouble is a server that fails, cannot be reached or is late. One that asks to wait (429), refuses a request, or
    answers what is not understood is there.
    """

    def __init__(self, model: ChatModel, answered: Answered = lambda model, answer: None) -> None:
        """``answered`` is told of every answer, and of which model was asked."""
        self._model = model
        self._answered = answered
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

        def hear(piece: str) -> None:
            self.guard.answering()
            if on_text is not None and piece:
                on_text(piece)

        answer = await self.guard.call(
            lambda: self._model.complete(messages, model=model, tools=tools, on_text=hear), _counts
        )
        self._answered(model, answer)
        return answer


def _counts(trouble: Transient) -> bool:
    return trouble.retry_after is None and isinstance(trouble, ModelUnavailable) and trouble.reason in OUTAGES


def _refusal(seconds: float) -> ModelUnavailable:
    return ModelUnavailable("the model is failing; it was not asked again yet", retry_after=seconds, reason="breaker")
