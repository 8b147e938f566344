"""What runs for one life of the sidecar is never missed in silence."""

from __future__ import annotations

import asyncio

import pytest

from travelbuddy.adapters import dapr_sidecar
from travelbuddy.adapters.dapr_sidecar import _serve_until


class Work:
    """Serves until cancelled; breaks down, or ends, as often as told first."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)
        self.began = self.cancelled = 0
        self.serving = asyncio.Event()

    async def __call__(self) -> None:
        self.began += 1
        if self.ends:
            if (error := self.ends.pop(0)) is not None:
                raise error
            return
        self.serving.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """What broke down is begun again at once."""
    monkeypatch.setattr(dapr_sidecar, "_REBUILD_PAUSE", 0.01)


async def test_a_worker_that_crashes_is_rebuilt() -> None:
    """However it ends while the sidecar is there, it is begun again; with the sidecar gone it is ended, once."""
    work, gone = Work(RuntimeError("nobody foresaw this"), None), asyncio.get_running_loop().create_future()
    watching = asyncio.create_task(_serve_until(gone, work))
    async with asyncio.timeout(20):
        await work.serving.wait()
        assert (work.began, work.cancelled) == (3, 0)
        gone.set_result(None)
        await watching
    assert (work.began, work.cancelled) == (3, 1)


async def test_a_cancelled_watch_takes_its_work_along() -> None:
    """When the service stops, what it served ends with it."""
    work, gone = Work(), asyncio.get_running_loop().create_future()
    watching = asyncio.create_task(_serve_until(gone, work))
    async with asyncio.timeout(20):
        await work.serving.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert work.cancelled == 1
