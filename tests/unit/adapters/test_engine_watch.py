"""A sidecar is ended when it answers for no workflow, and for no other reason."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from travelbuddy.adapters import dapr_watch
from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.dapr_watch import IDS, EngineWatch
from travelbuddy.errors import StoreUnavailable


class Link(Sidecar):
    """A sidecar whose placement is there or not; it counts how often it was ended."""

    def __init__(self, *, placed: bool, workers: int = 1) -> None:
        self.placed = placed
        self.workers = workers
        self.ended: list[Any] = []

    @property
    def connection(self) -> Any:
        return SimpleNamespace(api=self, metadata=(("dapr-api-token", "secret"),))

    async def GetMetadata(self, request: object, metadata: object) -> Any:  # noqa: N802  the stub's name
        return SimpleNamespace(
            actor_runtime=SimpleNamespace(host_ready=self.placed),
            workflows=SimpleNamespace(connected_workers=self.workers),
        )

    async def Shutdown(self, request: object, metadata: Any) -> None:  # noqa: N802  the stub's name
        self.ended.append(metadata)


class Engine:
    """Answers for some workflows, for the others never."""

    def __init__(self, *answers: str, error: bool = False) -> None:
        self.answers = answers
        self.error = error

    async def knock(self, turn_id: str) -> None:
        if self.error:
            raise StoreUnavailable("told at once")
        if turn_id not in self.answers:
            await asyncio.Event().wait()


async def _fine() -> None:
    return


async def _fails() -> None:
    raise StoreUnavailable("down")


async def _hangs() -> None:
    await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVERY", "FIRST", "ALL"):
        monkeypatch.setattr(dapr_watch, name, 0.01)


async def _ended(link: Link, engine: Engine, control: Any = _fine, *, takes_work: bool = True) -> list[Any]:
    watch = asyncio.create_task(EngineWatch(link, engine.knock, control, lambda: takes_work).run())
    await asyncio.sleep(0.3)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    return link.ended


async def test_a_sidecar_that_answers_for_no_workflow_is_ended_at_once() -> None:
    """It is told to skip its grace, with the token it wants."""
    ended = await _ended(Link(placed=True), Engine())
    assert ended
    assert ended[0] == (("dapr-api-token", "secret"), ("dapr-force-shutdown", "true"))


@pytest.mark.parametrize("engine", [Engine(*IDS), Engine(IDS[3]), Engine(error=True)], ids=["all", "one", "errors"])
async def test_any_answer_will_do(engine: Engine) -> None:
    """One workflow in eight that is answered for, or an error, shows that requests get through."""
    assert await _ended(Link(placed=True), engine) == []


@pytest.mark.parametrize("control", [_fails, _hangs])
async def test_the_state_stores_trouble_is_not_the_sidecars(control: Any) -> None:
    """While the store does not answer either, nobody is ended."""
    assert await _ended(Link(placed=True), Engine(), control) == []


async def test_requests_held_back_for_want_of_placement_are_no_reason() -> None:
    """While placement is away a new sidecar would not do better."""
    assert await _ended(Link(placed=False), Engine()) == []


async def test_a_replica_that_takes_no_work_does_not_ask() -> None:
    """Without a worker there may be no host for workflows at all, and silence says nothing."""
    assert await _ended(Link(placed=True), Engine(), takes_work=False) == []


async def test_a_sidecar_that_does_not_let_the_worker_in_is_ended() -> None:
    """It knows of no worker although one is connected, and its errors for workflows are no sign of life."""
    assert await _ended(Link(placed=True, workers=0), Engine(error=True))


async def test_a_worker_has_time_to_be_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look or two at which the sidecar knows of no worker yet say nothing."""
    link = Link(placed=True, workers=0)
    monkeypatch.setattr(dapr_watch, "EVERY", 0.1)
    watch = asyncio.create_task(EngineWatch(link, Engine(*IDS).knock, _fine, lambda: True).run())
    await asyncio.sleep(0.25)
    link.workers = 1
    await asyncio.sleep(0.5)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert link.ended == []
