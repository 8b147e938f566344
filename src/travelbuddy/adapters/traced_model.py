"""The model with a span around each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from travelbuddy.adapters.ports import ChatModel, ModelAnswer
from travelbuddy.telemetry import spans, tracing


class TracedModel:
    """ChatModel over another one, which is asked at ``url``."""

    def __init__(self, model: ChatModel, url: str) -> None:
        self._model = model
        self._url = url

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        """See ChatModel."""
        if tracing.recorder() is None:
            return await self._model.complete(messages, model=model, tools=tools, on_text=on_text)
        with spans.chat(model, self._url) as asked:
            listen = spans.first_text(asked, on_text)
            answer = await self._model.complete(messages, model=model, tools=tools, on_text=listen)
            spans.answered(asked, answer)
            return answer
