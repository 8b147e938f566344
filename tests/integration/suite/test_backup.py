"""A backup taken under load brings every answered turn back elsewhere, and the sessions go on."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import threading
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.postgres_server import DEBIAN
from tests.integration.framework.scripted_model import Answer, Request, Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import TRAVELBUDDY, Stack
from tests.integration.framework.stores import STORES, InPostgres, InRedis, Place, place

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
TRAVELLERS, TRAVELLERS_IN_GATE = 50, 10
STUCK = [f"stuck-{number}" for number in range(3)]
"""Sessions with one turn at the model, and one behind it, at the moment of the backup."""


class Load:
    """Travellers who send the next message when the last one is answered, and what they were told."""

    def __init__(self, stack: Stack, sessions: list[str]) -> None:
        self._stack = stack
        self._sessions = sessions
        self.answered: dict[str, dict[str, str]] = defaultdict(dict)
        self.over = False

    async def run(self) -> None:
        """Until it is over."""
        await asyncio.gather(*map(self._travel, self._sessions))

    @property
    def count(self) -> int:
        """Turns answered so far."""
        return sum(map(len, self.answered.values()))

    async def _travel(self, session: str) -> None:
        user = User(self._stack, session, session)
        while not self.over:
            said = f"{session} says {len(self.answered[session])}"
            answer = await user.chat(said)
            self.answered[session][answer["metadata"]["workflow_instance_id"]] = answer["response"]


@pytest.mark.stores(*STORES, gate=("sqlite",), because="each is copied with tools of its own")
async def test_a_backup_under_load_is_restored_elsewhere(tmp_path: Path, full_size: bool) -> None:
    """Turns answered before the backup are there once and whole, those under way are answered, and sessions go on."""
    sessions = [f"trip-{number}" for number in range(TRAVELLERS if full_size else TRAVELLERS_IN_GATE)]
    with ScriptedModel() as model:
        hold = threading.Event()
        model.script = lambda request: _answer(request, hold)
        async with Stack(env=model.env) as stack:
            stuck = [await User(stack, name, name).start(f"HOLD {n}") for name in STUCK for n in range(2)]
            before = await _saved_in_the_middle(stack, tmp_path, sessions)
            hold.set()
        model.reset()
        model.script = lambda request: _answer(request, hold)
        data_dir = tmp_path / "elsewhere"
        async with (
            _restored(stack.kept_in, tmp_path, data_dir) as kept,
            Stack(env=model.env, data_dir=data_dir, kept_in=kept) as again,
        ):
            assert await _carried_on(again) == sorted(stuck)
            await asyncio.gather(*(_check(again, session, before[session]) for session in sessions))
            asked = {last_user_message(request) for request in model.requests}
            texts = [text for session in sessions for text in await _texts(again, session, before[session])]
            assert not asked & set(texts), "nothing that was answered before is asked again"
            await asyncio.gather(*(_goes_on(again, session) for session in [*sessions[::10], *STUCK]))


def _answer(request: Request, hold: threading.Event) -> Answer:
    said = str([m["content"] for m in request["messages"] if m["role"] == "user"][-1])
    if "HOLD" in said:
        hold.wait(60)
    return Say(f"you said: {said}")


async def _saved_in_the_middle(stack: Stack, folder: Path, sessions: list[str]) -> dict[str, dict[str, str]]:
    """Take the backup while the load goes on; what had been answered by then, by session."""
    load = Load(stack, sessions)
    running = asyncio.create_task(load.run())
    await poll_until(lambda: load.count >= 2 * len(sessions), 60, "the load has answers")
    before = {session: dict(turns) for session, turns in load.answered.items()}
    await asyncio.to_thread(_documented, f"backup {stack.kept_in.name}", folder, _names(stack.kept_in, stack.data_dir))
    during = load.count
    await poll_until(lambda: load.count > during, 10, "the load goes on after the backup")
    load.over = True
    await running
    return before


@asynccontextmanager
async def _restored(source: Place, folder: Path, data_dir: Path) -> AsyncIterator[Place]:
    """A new place with what was saved of a source that is gone."""
    target = _empty_place(source, data_dir)
    if not isinstance(target, InRedis):
        await target.open()
    names = {f"NEW_{name}": value for name, value in _names(target, data_dir).items()}
    await asyncio.to_thread(_documented, f"restore {target.name}", folder, names)
    if isinstance(target, InRedis):  # it reads the file when it starts
        await target.open()
        names = {f"NEW_{name}": value for name, value in _names(target, data_dir).items()}
        await asyncio.to_thread(_documented, "clean redis", folder, names)
    try:
        yield target
    finally:
        target.close()


def _empty_place(source: Place, data_dir: Path) -> Place:
    return place(data_dir) if not isinstance(source, InPostgres) else InPostgres(source.server)


def _names(kept: Place, data_dir: Path) -> dict[str, str]:
    """What the document calls a place."""
    if isinstance(kept, InPostgres):
        return {"POSTGRES_CONNECTION": kept.env["POSTGRES_CONNECTION"]}
    if isinstance(kept, InRedis):
        return {"REDIS_URL": f"redis://{kept.redis.address}", "REDIS_DIR": str(kept.redis.folder)}
    return {"DATA_DIR": str(data_dir)}


def _documented(name: str, folder: Path, variables: dict[str, str]) -> None:
    """Run the commands of docs/operations.md that have this name."""
    commands = re.findall(rf"^```{name}\n(.*?)^```$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(commands) == 1, name
    newest = sorted(DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name))[-1:]
    path = os.pathsep.join([str(Path(TRAVELBUDDY).parent), *map(str, newest), os.environ["PATH"]])
    shell = ["bash", "-euo", "pipefail", "-c", commands[0]]
    done = subprocess.run(
        shell, cwd=folder, env={"PATH": path, **variables}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


async def _check(stack: Stack, session: str, answered: dict[str, str]) -> None:
    """All that was answered before the backup is in the history, once, in its order, and every other turn has ended."""
    turns = await User(stack, session, session).history(session)
    assert not [turn for turn, times in Counter(t["workflow_instance_id"] for t in turns).items() if times > 1]
    assert {turn["outcome"] for turn in turns} <= {"answered"}
    replies = {t["workflow_instance_id"]: t["messages"][-1]["content"] for t in turns if t["outcome"] == "answered"}
    assert [turn for turn in replies if turn in answered] == list(answered)
    assert answered.items() <= replies.items()


async def _texts(stack: Stack, session: str, answered: dict[str, str]) -> list[str]:
    """What was said in these turns of the session."""
    turns = await User(stack, session, session).history(session)
    return [t["messages"][0]["content"] for t in turns if t["workflow_instance_id"] in answered]


async def _carried_on(stack: Stack) -> list[str]:
    """The turns of the stuck sessions, all of which must be answered by successors, with no client's help."""
    found: list[dict[str, Any]] = []
    for session in STUCK:
        found += await poll_until(partial(_both, stack, session), 30, f"both turns of {session} have ended")
    assert {turn["outcome"] for turn in found} == {"answered"}
    assert all("HOLD" in turn["messages"][0]["content"] for turn in found)
    return sorted(turn["workflow_instance_id"] for turn in found)


async def _both(stack: Stack, session: str) -> list[dict[str, Any]] | None:
    turns = await User(stack, session, session).history(session)
    return turns if len(turns) == 2 else None


async def _goes_on(stack: Stack, session: str) -> None:
    """The next message is answered, after all that was said before; what a backup found under way may stand between."""
    user = User(stack, session, session)
    before = await user.history(session)
    answer = await user.chat("and now?")
    assert answer["response"] == "you said: and now?"
    after = await user.history(session)
    assert after[: len(before)] == before
    assert after[-1]["workflow_instance_id"] == answer["metadata"]["workflow_instance_id"]
