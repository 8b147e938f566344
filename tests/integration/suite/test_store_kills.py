"""The store's server itself dies or hangs in the middle of turns: they finish by themselves, each of them once."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.integration.framework.client import User
from tests.integration.framework.invariants import check_turns
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Request, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import Place, own_server

NO_SERVER = "a file has no server that could die"

SESSIONS, TURNS = 5, 2
WITHIN = 10.0
"""Seconds from the server being back to the end of every turn that was accepted (V5)."""
HANGS = 6.0
"""Seconds that the server hangs: longer than the service waits for it."""


def _second_call(request: Request) -> bool:
    return bool(request["messages"][-1]["role"] == "tool")


@pytest.mark.stores("redis", "postgres", gate=("redis",), because=NO_SERVER)
@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_turns_outlive_their_store(dapr_runtime: None, how: str) -> None:
    """Ten turns in five sessions, half-way and waiting, when every process of the server gets SIGKILL or SIGSTOP.

    With it back all of them are answered within ten seconds, in the order of acceptance, each once and whole.
    """
    async with own_server() as store:
        with ScriptedModel() as model:
            async with Stack(env=model.env, kept_in=store) as stack:
                users = [User(stack, f"user-{n}", f"session-{n}") for n in range(SESSIONS)]
                await users[0].ask("before")
                model.hold(_second_call)
                sent = {user: [f"{user.ids['session_id']}: {n}" for n in range(TURNS)] for user in users}
                turns = [await user.start(text) for user, texts in sent.items() for text in texts]
                await poll_until(lambda: len(_held(model)) == SESSIONS, 10, "a turn of each session is half-way")
                await _away(store, how, model)
                back = time.monotonic()
                await poll_until(users[0].ready, 20, "the service is ready again")
                for user in users:
                    await poll_until(lambda u=user: _all_over(u), WITHIN, "all of its turns are over")  # type: ignore[misc]
                print(f"{store.name}, {how}: all over {time.monotonic() - back:.1f} s after it was back")
                assert {(await users[0].finished(turn))["status"] for turn in turns} == {"answered"}
                sent[users[0]].insert(0, "before")
                for user, texts in sent.items():
                    check_turns(await user.history(user.ids["session_id"]), texts, model.requests)
                assert await users[0].ask("after")


@pytest.mark.stores("redis", "postgres", gate=("postgres",), because=NO_SERVER)
async def test_a_store_that_dies_again_and_again_loses_nothing(dapr_runtime: None) -> None:
    """Messages are sent while the server is killed five times: whoever was accepted is answered once, the rest told."""
    async with own_server() as store:
        with ScriptedModel() as model:
            async with Stack(env=model.env, kept_in=store) as stack:
                user = User(stack, "ada", "stubborn")
                accepted: dict[str, str] = {}
                stop = asyncio.Event()

                async def send() -> None:
                    number = 0
                    while not stop.is_set():
                        number += 1
                        body = {"task": f"message {number}", **user.ids}
                        answer = await user.call("POST", "/start-workflow", json=body)
                        if answer.status_code == 202:
                            accepted[answer.json()["workflow_instance_id"]] = body["task"]
                        else:
                            assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), answer.text
                        await asyncio.sleep(0.1)

                sending = asyncio.create_task(send())
                for _ in range(5):
                    count = len(accepted)
                    await poll_until(lambda c=count: len(accepted) > c + 2, 30, "messages are accepted")  # type: ignore[misc]
                    await store.kill()
                stop.set()
                await sending
                await poll_until(user.ready, 20, "the service is ready again")
                for turn in accepted:
                    assert (await user.finished(turn, 30))["status"] == "answered"
                told = [t for t in await user.history("stubborn") if t["workflow_instance_id"] in accepted]
                assert [t["messages"][0]["content"] for t in told] == [*accepted.values()]


async def _away(store: Place, how: str, model: ScriptedModel) -> None:
    """The server is away, and the model answers meanwhile: what it said cannot be stored."""
    if how == "kill":
        killing = asyncio.ensure_future(store.kill())
        model.release()
        await killing
    else:
        store.pause()
        try:
            model.release()
            await asyncio.sleep(HANGS)
        finally:
            store.resume()


def _held(model: ScriptedModel) -> list[Request]:
    return [request for request in model.requests if _second_call(request) and last_user_message(request) != "before"]


async def _all_over(user: User) -> bool:
    turns = await user.history(user.ids["session_id"])
    return len([turn for turn in turns if turn["messages"][0]["content"] != "before"]) == TURNS
