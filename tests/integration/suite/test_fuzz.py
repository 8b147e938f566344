"""Schemathesis against the real service: what the OpenAPI document promises holds for whatever is sent.

FUZZ_SECONDS sets how long each run takes (`make fuzz`: 300), FUZZ_SEED what is sent; in CI both are fixed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.framework.client import User, listening
from tests.integration.framework.identity import IdentityProvider
from tests.integration.framework.polling import poll_until
from tests.integration.framework.stack import TRAVELBUDDY, Stack

pytestmark = pytest.mark.stores(
    "sqlite", because="the doors are tried; what lies behind them is the other files' matter"
)

ROOT = Path(__file__).parents[3]
SCHEMATHESIS = str(Path(TRAVELBUDDY).with_name("st"))
SECONDS = int(os.environ.get("FUZZ_SECONDS", "3"))
PATIENCE = {"CHAT_WAIT": "5"}
"""A message behind a turn that was paused waits as long as one lets it; Schemathesis hangs up after 10 s."""
SEED = int(os.environ.get("FUZZ_SEED", "1" if os.environ.get("CI") else str(random.randrange(2**32))))


async def _fuzz(stack: Stack, *options: str) -> None:
    """All checks of Schemathesis; its report is shown when one fails."""
    command = [
        SCHEMATHESIS,
        f"--config-file={ROOT / 'schemathesis.toml'}",
        "run",
        f"{stack.app_url}/openapi.json",
        f"--seed={SEED}",
        f"--max-time={SECONDS}",
        "--continue-on-failure",
        "--no-color",
        *options,
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, cwd=stack.data_dir)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    log = (stack.data_dir / "logs" / "app.log").read_text(encoding="utf-8", errors="replace")
    assert "broke_down" not in log
    assert "Traceback" not in log
    await poll_until(lambda: _nobody_waits(stack), 30, f"every turn is over or paused (FUZZ_SEED={SEED})")


async def _nobody_waits(stack: Stack) -> bool:
    """Whether every lane is empty, or led by a turn that somebody paused: what stands behind it waits rightly."""
    heads = [lane[0]["id"] for lane in _lanes(stack) if lane]
    async with httpx.AsyncClient(base_url=stack.dapr_url, timeout=10) as daprd:
        states = [(await daprd.get(f"/v1.0/workflows/dapr/{head}")).json().get("runtimeStatus") for head in heads]
    return set(states) <= {"SUSPENDED"}


def _lanes(stack: Stack) -> list[list[dict[str, Any]]]:
    records = (json.loads(row) for row in stack.kept_in.rows() if row.startswith('{"session_id"'))
    return [record["lane"] for record in records if "lane" in record]


@pytest.mark.timeout(1800)
async def test_the_document_holds_whatever_is_sent() -> None:
    """No 5xx, no undeclared status, header or field, nothing valid refused, nothing invalid taken; also along links."""
    async with Stack(env=PATIENCE) as stack:
        for phases in ("coverage,fuzzing", "stateful"):
            await _fuzz(stack, f"--phases={phases}")


@pytest.mark.timeout(900)
async def test_the_document_holds_with_credentials() -> None:
    """The same with AUTH=jwt, where each guarded call is also tried without a credential and with a wrong one."""
    with IdentityProvider() as provider:
        async with Stack(env={**PATIENCE, **provider.env, "RATE_PER_USER": "off", "RATE_PER_ADDRESS": "off"}) as stack:
            bearer = f"Authorization: Bearer {provider.token('ada', lifetime=3600)}"
            await _fuzz(stack, "--phases=coverage,fuzzing", "--header", bearer)


async def test_odd_events_through_the_broker_harm_nobody(stack: Stack) -> None:
    """What is published in odd forms becomes dead letters with a reason, and the message behind them is answered."""
    odd: list[object] = [None, 7, "text", [], {}, {"text": 1, "sender": "a"}, {"text": "x" * 20_001, "sender": "a"}]
    odd += [{"data": {"data": {"data": 1}}}, {"text": "hi", "sender": "a/b"}, {"text": "\u0000", "sender": {}}]
    bob = User(stack, "odd-bob", "dm-odd-bob")
    async with listening(stack, "TravelBuddy.dead") as letters:
        for event in odd:
            await bob.publish(event)
        await bob.publish({"text": "hello", "sender": "odd-bob"})

        async def answered() -> bool:
            return [turn["outcome"] for turn in await bob.history("dm-odd-bob")] == ["answered"]

        await poll_until(answered, 30, "the message after the odd ones is answered")
        await poll_until(lambda: len(letters) >= len(odd), 30, "every odd event is a dead letter")
    assert all(letter["reason"] for letter in letters)


GOOD = {"specversion": "1.0", "id": "odd-1", "source": "test", "type": "message", "odd": "x", "level": 7, "flag": True}
FORMS: list[tuple[str, bytes]] = [
    ("application/octet-stream", b"\xff\xfe\x00"),
    ("text/plain", b"hello"),
    ("text/plain", b"\xf0\x28\x8c\x28"),
    ("application/json", b'{"text": "hi", "sender"'),
    ("application/json", b'{"text": 1, "text": "hi", "sender": "a/b", "sender": "a|b"}'),
    ("application/json", b"[" * 3_000 + b"]" * 3_000),
    ("application/json", b'{"sender": "a", "text": "' + b"x" * 300_000 + b'"}'),
    ("application/cloudevents+json", b"{}"),
    ("application/cloudevents+json", b'{"specversion": 3, "id": {}, "source": [], "type": null, "data": 1}'),
    (
        "application/cloudevents+json",
        b'{"specversion": "1.0", "id": "x", "source": "s", "type": "t", "data_base64": "?"}',
    ),
]


async def test_raw_bytes_through_the_broker_harm_nobody(stack: Stack) -> None:
    """Bytes in any form, and an event broken at every place: no fault, no endless delivery; a twin is one turn."""
    bob, rnd = User(stack, "raw-bob", "dm-raw-bob"), random.Random(SEED)
    app_log = stack.data_dir / "logs" / "app.log"
    before = app_log.stat().st_size
    event = json.dumps(GOOD | {"data": {"text": "hello", "sender": "raw-bob"}}).encode()
    cloud_event = "application/cloudevents+json"
    broken = [(cloud_event, _broken(event, rnd)) for _ in range(60)]
    async with httpx.AsyncClient(base_url=stack.dapr_url, timeout=10) as daprd:
        for kind, body in [*FORMS, *broken, (cloud_event, event), (cloud_event, event)]:
            for raw in ("false", "true") if (kind, body) in FORMS else ("false",):
                answer = await daprd.post(
                    f"/v1.0/publish/messagepubsub/TravelBuddy?metadata.rawPayload={raw}",
                    content=body,
                    headers={"Content-Type": kind, "ce-id": "1", "ce-source": "x", "ce-specversion": "1.0"},
                )
                assert answer.status_code < 500 or answer.json()["errorCode"], answer.text

    async def answered() -> bool:
        return [turn["outcome"] for turn in await bob.history("dm-raw-bob")] == ["answered"]

    await poll_until(answered, 30, f"the whole event is one turn (FUZZ_SEED={SEED})")
    told = app_log.read_bytes()[before:].decode(errors="replace")
    assert not [word for word in ("broke_down", "Traceback", "inbox.retry") if word in told], told[-5_000:]


def _broken(event: bytes, rnd: random.Random) -> bytes:
    """The event with some of its bytes lost, or replaced by any others; its sender's name is not whole any more."""
    start, end = sorted(rnd.sample(range(len(event)), 2))
    return (
        event[:start].replace(b"raw-bob", b"?")
        + rnd.randbytes(rnd.randrange(4))
        + event[end:].replace(b"raw-bob", b"?")
    )
