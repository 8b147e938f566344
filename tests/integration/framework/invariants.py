"""V1 to V3 of the contract, judged from stored turns and the model's request log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.integration.framework.scripted_model import Request, last_user_message

Json = dict[str, Any]
IN_PROMPTS = {"answered", "interrupted"}
"""The outcomes of turns of which later prompts hold the user's message."""


def check_turns(turns: Sequence[Json], sent: Sequence[str], requests: Sequence[Request]) -> None:
    """Every sent message is exactly one whole turn, and each prompt held the turns before it, in order."""
    asked = [turn["messages"][0]["content"] for turn in turns]
    assert sorted(asked) == sorted(sent), "every accepted message is exactly one stored turn (V1)"
    for turn in turns:
        check_whole(turn["messages"])
    for index, message in enumerate(asked):
        for request in (r for r in requests if last_user_message(r) == message):
            earlier = [turn for turn in turns[max(0, index - 10) : index] if turn["outcome"] in IN_PROMPTS]
            expected = [*(turn["messages"][0]["content"] for turn in earlier), message]
            assert user_texts(request) == expected, "the prompt holds the turns before it (V3)"


def user_texts(request: Request) -> list[str]:
    """What the user said, one text a message of theirs, also where unanswered ones were joined with what came next."""
    return [text for m in request["messages"] if m["role"] == "user" for text in m["content"].split("\n\n")]


def check_whole(messages: Sequence[Json]) -> None:
    """User first, each tool call followed by its result, the reply last (V2)."""
    assert messages[0]["role"] == "user"
    assert messages[-1]["role"] == "assistant"
    assert not messages[-1].get("tool_calls")
    open_calls: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            open_calls.remove(message["tool_call_id"])
        else:
            assert not open_calls, "a tool call without its result"
        open_calls += [call["id"] for call in message.get("tool_calls", [])]
