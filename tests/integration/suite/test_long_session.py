"""A session's length costs nothing: neither time a turn, nor rows."""

from __future__ import annotations

import statistics
import time

import httpx
from tests.integration.framework.http_client import http_client
from tests.integration.framework.scripted_model import Request, Say, ScriptedModel
from tests.integration.framework.stack import Stack

from travelbuddy.incoming import turn_prefix

TURNS, TURNS_IN_GATE = 1_000, 105
SAMPLES = 12
BOUND = 1.1


def _reply(_request: Request) -> Say:
    return Say("noted")


async def _turn(http: httpx.AsyncClient, user: str, session: str, text: str) -> float:
    """Milliseconds from POST /chat to the answer."""
    began = time.perf_counter()
    answer = await http.post("/chat", json={"user_id": user, "session_id": session, "message": text})
    assert answer.status_code == 200, answer.text
    return (time.perf_counter() - began) * 1000


async def test_a_late_turn_costs_what_a_first_costs_and_leaves_100_records(dapr_runtime: None, full_size: bool) -> None:
    """After 1,000 turns of a session one more costs at most 1.1 times a first one, and 100 turn records are left.

    The gate tries it after 105.
    """
    with ScriptedModel(_reply) as model:
        async with Stack(env=model.env) as stack:
            async with http_client(base_url=stack.app_url, timeout=30) as http:
                for number in range(TURNS if full_size else TURNS_IN_GATE):
                    await _turn(http, "long", "long", f"message {number}")
                ratio = await _ratio(http)
            records = _turn_records(stack, "long")
    assert ratio <= BOUND
    assert records == 100


async def _ratio(http: httpx.AsyncClient) -> float:
    """The medians of turns in the long session and of first turns, measured in pairs; the better of two tries."""
    ratios = []
    for attempt in range(2):
        firsts, lates = [], []
        for number in range(SAMPLES):
            firsts.append(await _turn(http, "short", f"new {attempt} {number}", "message"))
            lates.append(await _turn(http, "long", "long", f"late message {attempt} {number}"))
        ratios.append(statistics.median(lates) / statistics.median(firsts))
        print(
            f"first {statistics.median(firsts):.1f} ms, late {statistics.median(lates):.1f} ms, ratio {ratios[-1]:.2f}"
        )
        if ratios[-1] <= BOUND:
            break
    return min(ratios)


def _turn_records(stack: Stack, user_id: str) -> int:
    """The user's turn records in the store."""
    return sum(key.name.startswith(f"turn:{turn_prefix(user_id)}") for key in stack.kept_in.all_keys())
