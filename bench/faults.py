"""What durability gives and does not give elsewhere: observed in the model's own log of what it was asked."""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx

from bench.field import Contender
from bench.rounds import think
from bench.running import running, wait_until

PATIENCE = 45.0
TRIES = 5
_VERDICTS = (
    "one after the other, nothing lost",
    "nothing lost, but at once: neither knew of the other",
    "**interleaved: a reply is missing**",
    "**one turn lost**",
    "memory is not read at all",
)
Messages = list[dict[str, Any]]


def recovery(contender: Contender, model_url: str) -> str:
    """Kill the app in the second model call of a turn, start it again, and see whether the turn goes on by itself."""
    _forget(model_url)
    with running(contender, model_url) as app:
        _chat(app.url, "warm", "hello")
        think(model_url, 4)
        asker = threading.Thread(target=_chat, args=(app.url, "cut", "probe cut"), daemon=True)
        asker.start()
        wait_until(lambda: _second_calls(model_url, "probe cut") == 1, "the model is asked for the reply")
        app.restart_app()
        think(model_url, 0)
        ready = time.monotonic()
        while time.monotonic() - ready < PATIENCE:
            if _second_calls(model_url, "probe cut") > 1:
                return f"yes, {time.monotonic() - ready:.1f} s after it is back"
            time.sleep(0.1)
        return "**no**"


def shared_session(contender: Contender, model_url: str) -> str:
    """Send two messages at once in one session, then a third; what the prompts held, the worst of some tries."""
    _forget(model_url)
    with running(contender, model_url) as app:
        _chat(app.url, "warm", "hello")
        think(model_url, 0.3)
        return max((_shared(app.url, model_url, number) for number in range(TRIES)), key=_VERDICTS.index)


def _shared(url: str, model_url: str, number: int) -> str:
    one, two, three = (f"probe {number} {text}" for text in ("one", "two", "three"))
    session = f"shared-{number}"
    both = [threading.Thread(target=_chat, args=(url, session, text)) for text in (one, two)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    _chat(url, session, three)
    asked = {str(probe[-1]["content"]): probe for probe in _probes(model_url) if probe[-1]["role"] == "user"}
    remembered = [text for text in (one, two) if _holds(asked[three], text)]
    if len(remembered) < 2:
        return _VERDICTS[3 + (not remembered)]
    if _replies(asked[three]) < 2:
        return _VERDICTS[2]
    ordered = any(
        _replies(asked[later]) == 1 and _holds(asked[later], other) for later, other in ((one, two), (two, one))
    )
    return _VERDICTS[0 if ordered else 1]


def _chat(url: str, session: str, message: str) -> None:
    body = {"user_id": "fault", "session_id": session, "message": message}
    try:
        httpx.post(f"{url}/chat", json=body, timeout=PATIENCE, trust_env=False)
    except httpx.TransportError:
        return  # its server was killed on purpose


def _forget(model_url: str) -> None:
    think(model_url, 0)
    httpx.delete(f"{model_url.removesuffix('/v1')}/probes", trust_env=False).raise_for_status()


def _probes(model_url: str) -> list[Messages]:
    answer = httpx.get(f"{model_url.removesuffix('/v1')}/probes", trust_env=False)
    probes: list[Messages] = answer.json()["probes"]
    return probes


def _second_calls(model_url: str, text: str) -> int:
    return sum(probe[-1]["role"] == "tool" and _holds(probe, text) for probe in _probes(model_url))


def _replies(prompt: Messages) -> int:
    """How many turns of the prompt have their reply."""
    return sum(message["role"] == "assistant" and not message.get("tool_calls") for message in prompt)


def _holds(prompt: Messages, text: str) -> bool:
    return any(message["role"] == "user" and message["content"] == text for message in prompt)
