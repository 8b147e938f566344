"""A sidecar that hangs: its connections stay open and say nothing, so somebody has to ask."""

from __future__ import annotations

import os
import signal
import time

import pytest
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Say, ScriptedModel
from tests.integration.framework.stack import Stack

pytestmark = pytest.mark.stores("sqlite", because="it is about the connection between the service and its sidecar")

HANGS = 20.0


async def test_turns_go_on_after_the_sidecar_hung_for_20_seconds() -> None:
    """The service says that its worker is away; when the sidecar is back, the turn under way and new ones are answered.

    Each is stored once, and the worker's stream is a new one.
    """
    with ScriptedModel(lambda request: Say("here I am")) as model:
        async with Stack(env=model.env) as stack:
            user = User(stack, "ada", "hung")
            await user.ask("before")
            model.hold(lambda request: True)
            turn = await user.start("during")
            await poll_until(lambda: model.asked("during"), 10, "the model is asked")
            stopped_at, daprd = time.monotonic(), stack.pid("daprd")
            os.kill(daprd, signal.SIGSTOP)
            try:
                await poll_until(lambda: _worker_is_away(user), 18, "the service says that its worker is away")
                print(f"noticed after {time.monotonic() - stopped_at:.1f} s")
                await poll_until(lambda: time.monotonic() - stopped_at > HANGS, HANGS + 5, "20 s are over")
            finally:
                os.kill(daprd, signal.SIGCONT)
            model.release()
            back_at = time.monotonic()
            await poll_until(user.ready, 20, "the service is ready again")
            assert (await user.finished(turn, 30))["status"] == "answered"
            print(f"answered {time.monotonic() - back_at:.1f} s after the sidecar was back")
            assert await user.ask("after") == "here I am"
            assert [t["messages"][0]["content"] for t in await user.history("hung")] == ["before", "during", "after"]
            assert stack.pid("daprd") == daprd, "it was not started anew"


async def _worker_is_away(user: User) -> bool:
    answer = await user.call("GET", "/ready")
    return answer.status_code == 503 and "workflow worker" in answer.text
