"""A request with all the state it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import JsonValue

from travelbuddy.adapters.ports import StateStorage
from travelbuddy.context import RequestContextBuilder
from travelbuddy.domain.messages import Message

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = [Message(role="user", content=f"message {n}", timestamp=NOW) for n in range(7)]


class Storage(StateStorage):
    """A storage whose three reads only end once all of them have begun."""

    def __init__(self) -> None:
        self._together = asyncio.Barrier(3)

    async def get_conversation_history(self, session_id: str) -> list[Message]:
        await self._together.wait()
        return HISTORY

    async def get_user_context(self, user_id: str) -> dict[str, JsonValue]:
        await self._together.wait()
        return {"language": "en"}

    async def get_session_metadata(self, session_id: str) -> dict[str, JsonValue]:
        await self._together.wait()
        return {"message_count": 7}

    async def append_conversation_turn(self, session_id: str, turn: Message) -> None:
        raise NotImplementedError

    async def update_user_context(self, user_id: str, context: Mapping[str, JsonValue]) -> None:
        raise NotImplementedError

    async def update_session_metadata(self, session_id: str, metadata: Mapping[str, JsonValue]) -> None:
        raise NotImplementedError


async def test_a_context_is_read_in_parallel_and_becomes_a_prompts_data() -> None:
    """User, session and history are read side by side; the prompt's data has the last five messages."""
    builder = RequestContextBuilder(Storage(), lambda: NOW)
    async with asyncio.timeout(20):
        request = await builder.build_context("u", "s", "hello", {"page": "deals"})
    data = request.to_prompt_context()
    assert data["user_preferences"] == {"language": "en"}
    assert data["session_info"] == {"message_count": 7}
    assert [m["content"] for m in data["recent_messages"]] == [f"message {n}" for n in range(2, 7)]  # type: ignore[union-attr, index, call-overload]
    assert (data["current_message"], data["metadata"]) == ("hello", {"page": "deals"})
    assert (request.user_id, request.session_id, request.timestamp) == ("u", "s", NOW)
