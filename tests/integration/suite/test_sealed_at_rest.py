"""With keys set, nothing of what people say can be read on any disk; and keys can be changed while people talk."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from tests.integration.framework.client import User
from tests.integration.framework.events import collect, reply_of
from tests.integration.framework.polling import poll_until
from tests.integration.framework.raw_scan import files_with
from tests.integration.framework.redis_server import RedisServer
from tests.integration.framework.scripted_model import (
    Answer,
    Call,
    Fail,
    Request,
    Say,
    ScriptedModel,
    last_user_message,
)
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import redis_components

from travelbuddy.sealing import key_id

pytestmark = pytest.mark.stores("sqlite", because="it looks at the files of sqlite, and of a Redis of its own")

KEY, OTHER = secrets.token_hex(32), secrets.token_hex(32)
KEYS = {"STATE_KEY": KEY, "PAYLOAD_KEY": KEY}
OTHERS = {"STATE_KEY": OTHER, "PAYLOAD_KEY": OTHER}
BOTH = {**OTHERS, "STATE_KEY_OLD": KEY, "PAYLOAD_KEY_OLD": KEY}
QUICK = {"DRAIN_SECONDS": "1"}
"""These stop in the middle of a turn on purpose."""
DEBUG = {"LOG_LEVEL": "DEBUG"}

SAID = {
    door: f"quokka-{door}-größe-marker"
    for door in ("chat", "stream", "pubsub", "start", "fails", "hangs", "waits", "interrupts", "tool", "calls")
}
REPLY, PLACE, TOOL, NAME, SEAT = (
    "wombat-reply-marker",
    "Reykjavik",
    "numbat_tool_marker",
    "Echidna Marker",
    "aisle-marker",
)
TITLE = "dugong-title-marker"
POISON = "poison-marker-text"
PREFERENCE = {"key": "name", "value": NAME}


def _script(request: Request) -> Answer:
    """Tools for some messages, a refusal that quotes the message for one, else a reply that quotes it."""
    text, fresh = last_user_message(request), request["messages"][-1]["role"] == "user"
    if SAID["fails"] in text:
        return Fail(400, body=json.dumps({"error": {"message": f"I do not take: {text}"}}))
    if SAID["tool"] in text and fresh:
        return Call((("search_flights", {"destination": PLACE}), ("remember_preference", PREFERENCE)))
    if SAID["calls"] in text and fresh:
        return Call(((TOOL, {"what": text}),))
    return Say(f"{REPLY}: {text}")


async def _through_all_doors(stack: Stack, model: ScriptedModel) -> None:
    """One message by each door, with everything that can become of it; and all of it can be read again."""
    user, other = User(stack, "ada", "trip"), User(stack, "bob", "other")
    for door in ("chat", "tool", "calls", "fails"):
        answer = await user.call("POST", "/chat", json={"message": SAID[door], **user.ids})
        assert answer.status_code == 200, answer.text
    streamed = await collect("POST", f"{stack.app_url}/chat/stream", body={"message": SAID["stream"], **user.ids})
    assert REPLY in str(streamed[-1].data)
    turn = await user.start(SAID["start"])
    assert (await user.finished(turn))["response"] == f"{REPLY}: {SAID['start']}"
    await user.call("PATCH", "/users/ada", json={"note": SEAT})
    assert (await user.call("PATCH", "/sessions/trip", json={"title": TITLE})).status_code == 200
    await user.publish({"text": SAID["pubsub"], "sender": "carl"})
    await user.publish({"text": {"not": POISON}, "sender": "carl"})
    await _one_is_interrupted(other, model)
    await poll_until(lambda: model.asked(SAID["pubsub"]), 10, "the direct message is answered")
    for session, count in (("trip", 6), ("other", 3), ("dm-carl", 1)):
        await poll_until(partial(_has, user, session, count), 20, f"{session} has {count} turns")
    exported = (await user.call("GET", "/users/ada/export")).text
    told = json.dumps(json.loads(exported), ensure_ascii=False)
    assert all(text in told for text in (SAID["chat"], SAID["tool"], REPLY, PLACE, NAME, SEAT, TITLE))


async def _one_is_interrupted(user: User, model: ScriptedModel) -> None:
    """A turn hangs in the model, a second waits for it, a third one interrupts both."""
    model.hold(lambda request: SAID["hangs"] in last_user_message(request))
    await user.start(SAID["hangs"])
    await poll_until(lambda: model.asked(SAID["hangs"]), 10, "the model is asked")
    await user.start(SAID["waits"])
    body = {"task": SAID["interrupts"], "if_busy": "interrupt", **user.ids}
    assert (await user.call("POST", "/start-workflow", json=body)).status_code == 202
    model.release()


async def _has(user: User, session: str, count: int) -> bool:
    answer = await user.call("GET", f"/sessions/{session}/history?limit=100")
    return answer.status_code == 200 and len(answer.json()["turns"]) == count


both_ways = pytest.mark.parametrize(
    "keys", [pytest.param(KEYS, id="sealed"), pytest.param({}, id="open", marks=pytest.mark.full_size)]
)
TEXTS = (*SAID.values(), REPLY, PLACE, TOOL, NAME, SEAT, TITLE)


@both_ways
async def test_the_disk_under_sqlite_shows_nothing(dapr_runtime: None, keys: dict[str, str]) -> None:
    """No file of the stack holds a word: database and its log, the scheduler's store, no log; without keys they do."""
    with ScriptedModel(_script) as model:
        async with Stack(env={**model.env, **keys, **DEBUG}) as stack:
            await _through_all_doors(stack, model)
            living = files_with([stack.data_dir], *TEXTS, POISON)
            await stack.stop()
            _judge(living, files_with([stack.data_dir], *TEXTS, POISON), keys, "state.sqlite")


@both_ways
async def test_the_disk_under_redis_shows_nothing(dapr_runtime: None, tmp_path: Path, keys: dict[str, str]) -> None:
    """The same of Redis: neither its log of all commands nor its dump, uncompressed, hold a word."""
    with ScriptedModel(_script) as model:
        async with RedisServer() as redis:
            for name, value in (("appendonly", "yes"), ("appendfsync", "always"), ("rdbcompression", "no")):
                redis.ask("CONFIG", "SET", name, value)
            folder = Path(redis.ask("CONFIG", "GET", "dir").splitlines()[1])
            components = redis_components(tmp_path / "components", redis)
            options = (f"--components={components}",)
            async with Stack(env={**model.env, **keys, **DEBUG}, options=options) as stack:
                await _through_all_doors(stack, model)
                redis.ask("SAVE")
                assert (folder / "dump.rdb").stat().st_size > 10_000
                living = files_with([folder, stack.data_dir], *TEXTS, POISON)
                await stack.stop()
                _judge(living, files_with([folder, stack.data_dir], *TEXTS, POISON), keys, ".aof")


@both_ways
async def test_what_replicas_tell_each_other_shows_nothing(dapr_runtime: None, keys: dict[str, str]) -> None:
    """Answers that are streamed through the other replica arrive whole, and the broker's file holds no word of them."""
    with ScriptedModel(_script) as model:
        async with Stack(env={**model.env, **keys}, options=("--replicas=2",)) as stack:
            for number in range(10):
                body = {"message": SAID["stream"], "user_id": "ada", "session_id": f"s{number}"}
                sent = await collect("POST", f"{stack.app_url}/chat/stream", body=body)
                assert reply_of(sent) == f"{REPLY}: {SAID['stream']}"
            found = files_with([stack.data_dir], REPLY, SAID["stream"])
            if keys:
                assert not found
            else:
                assert any(".aof" in name for name in found[REPLY]), (
                    "else no turn ran on another replica than its door's"
                )


def _judge(living: dict[str, set[str]], stopped: dict[str, set[str]], keys: dict[str, str], store: str) -> None:
    """With keys nothing is found anywhere; without them everything, in the store. Logs never hold a word."""
    for found in (living, stopped):
        print({text: sorted(files) for text, files in found.items()})
        in_logs = {text: files for text, files in found.items() if any(name.endswith(".log") for name in files)}
        assert not in_logs
        if keys:
            assert not found
        else:
            assert {text for text, files in found.items() if any(store in name for name in files)} == set(TEXTS)
            assert "db" in found[SAID["chat"]], "the scheduler's store"


def _keys_in_use(stack: Stack) -> dict[str, set[str]]:
    """By record, the id of the key it is sealed with."""
    used: dict[str, set[str]] = {}
    with sqlite3.connect(stack.data_dir / "state.sqlite") as store:
        for key, value in store.execute("SELECT key, value FROM conversation_state"):
            text = base64.b64decode(value.strip('"')).decode()
            used.setdefault(key.partition("||")[2], set()).add(text.split(".")[2] if text.startswith("sealed") else "")
    return used


async def _restart(stack: Stack, keys: dict[str, str]) -> None:
    """Start again on the same data with these keys."""
    for name in ("STATE_KEY", "STATE_KEY_OLD", "PAYLOAD_KEY", "PAYLOAD_KEY_OLD"):
        stack._env.pop(name, None)
    stack._env.update(keys)
    await stack.restart()


async def test_keys_are_changed_while_a_turn_is_under_way(dapr_runtime: None) -> None:
    """From no key to one to the next: each turn goes on, all is remembered, and what is written uses the new key."""
    with ScriptedModel(lambda request: Say(f"answer to {last_user_message(request)}")) as model:
        async with Stack(env={**model.env, **QUICK}) as stack:
            user = User(stack, "ada", "rotation")
            for number, (keys, name) in enumerate([(KEYS, key_id(KEY)), (BOTH, key_id(OTHER))]):
                await user.ask(f"before {number}")
                model.hold(lambda request: last_user_message(request).startswith("during"))
                turn = await user.start(f"during {number}")
                await poll_until(partial(model.asked, f"during {number}"), 10, "the model is asked")
                await _restart(stack, keys)
                model.release()
                assert (await user.finished(turn))["response"] == f"answer to during {number}"
                assert _keys_in_use(stack)["session:rotation"] == {name}
                assert _keys_in_use(stack)[f"turn:{turn}"] == {name}
            await user.ask("after")
            prompt = model.asked("after")[0]["messages"]
            said = [message["content"] for message in prompt if message["role"] == "user"]
            assert said == ["before 0", "during 0", "before 1", "during 1", "after"]
            erased = (await user.call("DELETE", "/users/ada")).json()
            assert erased == {"sessions": 1, "turns": 5, "workflows": 5}
            assert not [key for key in _keys_in_use(stack) if key.startswith(("session:", "turn:", "user:"))]


async def test_a_key_that_is_gone_is_told_and_harms_nothing(dapr_runtime: None) -> None:
    """With the wrong key readers get a clear answer; with the right one all is there, and a turn under way goes on."""
    with ScriptedModel(lambda request: Say(f"answer to {last_user_message(request)}")) as model:
        async with Stack(env={**model.env, **KEYS, **QUICK}) as stack:
            user = User(stack, "ada", "lost")
            await user.ask("hello")
            model.hold(lambda request: last_user_message(request) == "hang")
            turn = await user.start("hang")
            await poll_until(lambda: model.asked("hang"), 10, "the model is asked")
            await _restart(stack, OTHERS)
            model.release()
            answer = await user.call("GET", "/sessions/lost/history")
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:travelbuddy:problem:sealed")
            assert key_id(KEY) in answer.json()["detail"]
            assert "STATE_KEY_OLD" in answer.json()["detail"]
            log = stack.data_dir / "logs" / "app.log"
            await poll_until(lambda: "PAYLOAD_KEY_OLD" in log.read_text(), 20, "the log names the setting")
            await asyncio.sleep(1)  # it must have ended, and not be tried again and again
            tries = log.read_text().count("workflow.broke_down")
            assert 1 <= tries <= 2
            await _restart(stack, KEYS)
            view = await user.finished(turn)
            assert view["status"] == "answered"
            assert [t["outcome"] for t in await user.history("lost")] == ["answered", "answered"]
            await user.ask("again")
            assert "hello" in [m["content"] for m in model.asked("again")[0]["messages"]]
