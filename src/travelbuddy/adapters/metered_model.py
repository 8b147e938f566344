"""The model with a stopwatch: how calls end, how long they take, and when the first text comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from travelbuddy.adapters.ports import ChatModel, ModelAnswer
from travelbuddy.errors import ModelRefused, ModelUnavailable
from travelbuddy.telemetry.first_text import timed
from travelbuddy.telemetry.model_metrics import ModelMetrics


class MeteredModel:
    """ChatModel over another one."""

    def __init__(self, model: ChatModel, metrics: ModelMetrics) -> None:
        self._model = model
        self._metrics = metrics

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        """See ChatModel."""
        began, outcome = time.perf_counter(), "broken"
        heard = timed(on_text, lambda seconds: self._metrics.spoke(model, seconds))
        try:
            answer = await self._model.complete(messages, model=model, tools=tools, on_text=heard)
            outcome = "answered"
            return answer
        except ModelUnavailable as trouble:
            outcome = trouble.reason
            raise
        except ModelRefused:
            outcome = "refused"
            raise
        except asyncio.CancelledError:
            outcome = "closed"
            raise
        finally:
            self._metrics.asked(model, outcome, time.perf_counter() - began)
