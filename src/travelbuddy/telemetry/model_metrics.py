"""What is counted of model calls: how they ended, how long they took, their tokens and what those cost."""

from __future__ import annotations

from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.telemetry.families import Families
from travelbuddy.telemetry.prices import Prices


class ModelMetrics:
    """The label ``model`` is the name that was asked for: a server cannot make series by calling itself otherwise."""

    def __init__(self, families: Families, prices: Prices) -> None:
        self._prices = prices
        self._calls = families.histogram(
            "model", "Model calls that were made, by outcome", {"model": (), "outcome": ()}
        )
        self._first = families.histogram(
            "model_first_token", "Until the first piece of an answer's text; calls of tools have none", {"model": ()}
        )
        self._tokens = families.counter("tokens", "Tokens that models report", {"kind": (), "model": ()})
        self._cost = families.counter("cost_dollars", "What the tokens cost by MODEL_PRICES", {"model": ()})
        self._unpriced = families.counter(
            "unpriced_tokens", "Tokens of models that are not in MODEL_PRICES", {"model": ()}
        )

    def asked(self, model: str, outcome: str, seconds: float) -> None:
        """A call ended: answered, rate_limited, server_error, timeout, unreachable, broken, refused or closed."""
        self._calls.labels(model, outcome).observe(seconds)

    def spoke(self, model: str, seconds: float) -> None:
        """The first piece of text came after so long."""
        self._first.labels(model).observe(seconds)

    def answered(self, model: str, answer: ModelAnswer) -> None:
        """Count the tokens. What the model does not report as the prompt's counts as the completion's."""
        prompt, completion = answer.prompt_tokens, answer.tokens - answer.prompt_tokens
        self._tokens.labels("prompt", model).inc(prompt)
        self._tokens.labels("completion", model).inc(completion)
        price = self._prices.of(model)
        self._cost.labels(model).inc(price.of(prompt, completion) if price is not None else 0)
        self._unpriced.labels(model).inc(answer.tokens if price is None else 0)
