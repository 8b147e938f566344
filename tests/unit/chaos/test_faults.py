"""The fault run's own faults: they happen, they are seen, and they leave nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
from chaos.busy import Busy
from chaos.evidence import LASTING
from chaos.model import FAULTS, Model

USER = "u00001"
FIRST, SECOND = (f"m00001-0{number}-{USER}" for number in range(2))


def _request(*texts: str) -> dict[str, Any]:
    roles = ("user", "assistant") * len(texts)
    return {"model": "chaos", "messages": [{"role": r, "content": t} for r, t in zip(roles, texts, strict=False)]}


async def _ask(http: aiohttp.ClientSession, model: Model, *texts: str) -> str:
    """What becomes of one request: its status, or how it broke."""
    url = f"{model.env['OPENAI_BASE_URL']}/chat/completions"
    try:
        async with http.post(url, json=_request(*texts)) as answer:
            await answer.read()
            return str(answer.status)
    except aiohttp.ClientConnectorError:
        return "refused"
    except (aiohttp.ClientError, TimeoutError):
        return "broken"


async def test_a_model_that_is_away_refuses_then_breaks_then_hangs_and_is_back() -> None:
    """Each third of an outage is met by whoever asks, connections that were open included, and then it answers."""
    seen: Counter[str] = Counter()
    async with Model(1) as model, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        assert await _ask(http, model, f"{FIRST} just say hello") == "200"
        away = asyncio.create_task(model.away(1.8))
        while not away.done():
            seen[await _ask(http, model, f"{FIRST} just say hello")] += 1
            await asyncio.sleep(0.01)
        assert await away
        assert {"refused", "500", "broken"} <= set(seen)
        assert await _ask(http, model, f"{FIRST} just say hello") == "200"
        (whole,) = model.aways
        assert whole.ended - whole.began >= 1.8
        assert {"outage 500", "outage hang", ""} <= {request.fault for request in model.asked}


async def test_every_fault_of_the_model_comes_up_and_stands_in_its_log() -> None:
    """A few hundred requests meet each single fault, and a message that is refused for good is so every time."""
    async with Model(1) as model, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=3)) as http:
        model.honest = False
        asking = (_ask(http, model, f"m{number:05d}-00-{USER} just say hello") for number in range(200))
        await asyncio.gather(*asking)
        refused = next(request.marker for request in model.asked if request.fault in LASTING)
        assert (await _ask(http, model, f"{refused} just say hello"))[0] == "4"
        assert model.missed() == []
        assert set(FAULTS) <= {request.fault for request in model.asked}
        assert len({request.fault for request in model.asked if request.marker == refused}) == 1


async def test_a_message_that_is_joined_with_one_before_it_is_known_by_its_own_name() -> None:
    """What an interrupted turn's user said stands before the next message, in one text; the log takes them apart."""
    async with Model(1) as model, aiohttp.ClientSession() as http:
        assert await _ask(http, model, f"{FIRST} find me flights to Rome\n\n{SECOND} just say hello") == "200"
        (asked,) = model.asked
        assert asked.marker == SECOND
        assert asked.texts == (("user", f"{FIRST} find me flights to Rome"),)


def test_other_work_takes_computing_time_and_ends_with_its_block() -> None:
    """The processes are seen to work, and none of them is left."""
    with Busy() as busy:
        deadline = time.monotonic() + 20
        while not busy.at_work and time.monotonic() < deadline:
            time.sleep(0.02)
        assert busy.at_work
        pids = busy.pids
    assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
