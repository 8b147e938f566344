"""A turn between being stored by the engine and being begun by it."""

from __future__ import annotations

from typing import cast

import pytest

from travelbuddy.adapters.ports import EngineStatus, TurnEngine
from travelbuddy.errors import StoreUnavailable
from travelbuddy.views import begun

STORED = EngineStatus("running")
BEGUN = EngineStatus("running", input={"message": "hi"})


class Engine:
    """Says one thing after the other, and the last one for ever."""

    def __init__(self, *said: EngineStatus) -> None:
        self.said = list(said)

    async def status(self, turn_id: str) -> EngineStatus:
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]


async def test_a_turn_that_is_not_begun_yet_is_waited_for() -> None:
    """The engine knows it and nothing of it: that is no turn which never existed."""
    assert await begun(cast(TurnEngine, Engine(STORED, STORED, BEGUN)), "t") == BEGUN


async def test_whoever_asks_too_long_is_told_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that nobody begins is unavailable for now."""
    monkeypatch.setattr("travelbuddy.views.BEGIN_PATIENCE", 0.2)
    with pytest.raises(StoreUnavailable, match="not begun yet") as told:
        await begun(cast(TurnEngine, Engine(STORED)), "t")
    assert told.value.retry_after == 1


@pytest.mark.parametrize(
    "status", [EngineStatus("missing"), EngineStatus("completed"), EngineStatus("running", closed="x")]
)
async def test_everything_else_is_told_at_once(status: EngineStatus) -> None:
    """What is missing, over or sealed is not waited for."""
    assert await begun(cast(TurnEngine, Engine(status, BEGUN)), "t") == status
