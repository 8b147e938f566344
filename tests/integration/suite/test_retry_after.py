"""A wait that the model's server asks for is the workflow's: it outlives the process."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Fail, Request, Say, ScriptedModel
from tests.integration.framework.stack import Stack

ASKED_FOR = 5


def _in_seconds() -> str:
    return str(ASKED_FOR)


def _as_a_date() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=ASKED_FOR + 1), usegmt=True)


@pytest.mark.stores("sqlite", because="the wait is the scheduler's, and test_kills.py kills over every store")
@pytest.mark.parametrize("header", [_in_seconds, _as_a_date], ids=["seconds", "date"])
async def test_a_wait_for_the_model_outlives_a_kill(header: object) -> None:
    """Killed while it waits as it was asked to, the turn asks again when the time is up: not before, and once."""
    asked: list[float] = []

    def script(request: Request) -> Answer:
        asked.append(time.monotonic())
        return Fail(429, {"Retry-After": header()}) if len(asked) == 1 else Say("thank you")  # type: ignore[operator]

    with ScriptedModel(script) as model:
        async with Stack(env=model.env) as stack:
            user = User(stack, "ada", "patience")
            turn = await user.start("hello")
            await poll_until(lambda: _waits(user, turn), 10, "the turn waits for the model")
            await stack.kill("app")
            view = await user.finished(turn, 30)
            assert (view["status"], view["response"]) == ("answered", "thank you")
            assert len(asked) == 2
            assert ASKED_FOR - 0.1 <= asked[1] - asked[0] <= ASKED_FOR + 6
            assert [step["attempt"] for step in view["timeline"]] == [1, 2]


async def _waits(user: User, turn: str) -> bool:
    return "waiting" in str((await user.call("GET", f"/workflows/{turn}")).json()["progress"])
