"""What models report of tokens is what Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from travelbuddy.adapters.guarded_model import GuardedModel
from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.telemetry.metrics import Metrics


class Reports:
    """A model that took 10 tokens for the prompt and 5 for the answer, and calls itself something new each time."""

    calls = 0

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        self.calls += 1
        return ModelAnswer("hi", (), f"{model}-{self.calls}", tokens=15, prompt_tokens=10)


async def test_tokens_are_counted_by_kind_and_by_the_model_that_was_asked() -> None:
    """Two answers add up, under the name from the settings: a server cannot make labels without end."""
    metrics = Metrics()
    model = GuardedModel(Reports(), metrics.model_answered)
    for _ in range(2):
        await model.complete([], model="m", tools=[])
    page = metrics.page().decode()
    assert 'travelbuddy_tokens_total{kind="prompt",model="m"} 20.0' in page
    assert 'travelbuddy_tokens_total{kind="completion",model="m"} 10.0' in page
    assert page.count("travelbuddy_tokens_total{") == 2
