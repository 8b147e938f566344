"""A wait that the model's server asks for is the workflow's: it outlives the process."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Fail, Request, Say, last_user_message

ASKED_FOR = 5


def _in_seconds() -> str:
    return str(ASKED_FOR)


def _as_a_date() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=ASKED_FOR + 1), usegmt=True)


@pytest.mark.stores("sqlite", because="the wait is the scheduler's, and test_kills.py kills over every store")
async def test_a_wait_for_the_model_outlives_a_kill(killable: Scripted) -> None:
    """Killed while it waits as it was asked to, a turn asks again when the time is up: not before, and once.

    One is asked to wait for seconds, the other until a date.
    """
    headers = {"in seconds": _in_seconds, "as a date": _as_a_date}
    asked: dict[str, list[float]] = {text: [] for text in headers}

    def script(request: Request) -> Answer:
        text = last_user_message(request)
        asked[text].append(time.monotonic())
        return Fail(429, {"Retry-After": headers[text]()}) if len(asked[text]) == 1 else Say("thank you")

    stack, model = killable.stack, killable.model
    model.script = script
    turns = {}
    for text in headers:
        user = User(stack, "ada", text)
        turns[text] = user, await user.start(text)
    for user, turn in turns.values():
        await poll_until(partial(_waits, user, turn), 10, "the turn waits for the model")
    await stack.kill("app")
    for text, (user, turn) in turns.items():
        view = await user.finished(turn, 30)
        assert (view["status"], view["response"]) == ("answered", "thank you")
        first, again = asked[text]
        assert ASKED_FOR - 0.1 <= again - first <= ASKED_FOR + 6, text
        assert [step["attempt"] for step in view["timeline"]] == [1, 2]


async def _waits(user: User, turn: str) -> bool:
    return "waiting" in str((await user.call("GET", f"/workflows/{turn}")).json()["progress"])
