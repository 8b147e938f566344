"""A turn between being stored by the engine and being begun by it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from travelbuddy.adapters.ports import EngineStatus
from travelbuddy.errors import NotBegun
from travelbuddy.views import begun, once_begun

STORED = EngineStatus("running")
BEGUN = EngineStatus("running", input={"message": "hi"})


class Engine:
    """Says one thing after the other, and the last one for ever."""

    def __init__(self, *said: EngineStatus) -> None:
        self.said = list(said)
        self.asked = 0

    async def look(self) -> EngineStatus:
        self.asked += 1
        return begun(self.said.pop(0) if len(self.said) > 1 else self.said[0], "t")


async def test_a_turn_that_is_not_begun_yet_is_waited_for() -> None:
    """The engine knows it and nothing of it: that is no turn which never existed."""
    assert await once_begun(Engine(STORED, STORED, BEGUN).look) == BEGUN


async def test_whoever_asks_too_long_is_told_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that nobody begins is unavailable for now; the longer it takes the less often it is looked at."""
    monkeypatch.setattr("travelbuddy.views.BEGIN_PATIENCE", 0.4)
    looks = [0.0]

    async def sleep(seconds: float) -> None:
        looks.append(looks[-1] + seconds)

    monkeypatch.setattr("travelbuddy.views.time", SimpleNamespace(monotonic=lambda: looks[-1]))
    monkeypatch.setattr("travelbuddy.views.asyncio", SimpleNamespace(sleep=sleep))
    engine = Engine(STORED)
    with pytest.raises(NotBegun, match="not begun yet") as told:
        await once_begun(engine.look)
    assert told.value.retry_after == 1
    assert engine.asked == len(looks)
    assert looks == pytest.approx([0.0, 0.05, 0.15, 0.35, 0.75])


@pytest.mark.parametrize(
    "status", [EngineStatus("missing"), EngineStatus("completed"), EngineStatus("running", closed="x")]
)
async def test_everything_else_is_told_at_once(status: EngineStatus) -> None:
    """What is missing, over or sealed is not waited for."""
    assert await once_begun(Engine(status, BEGUN).look) == status
