"""Building a request's context from the state storage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import JsonValue

from travelbuddy.adapters.ports import StateStorage
from travelbuddy.domain.request import AgentRequest


class RequestContextBuilder:
    """For code beside the workflow that needs what a turn knows. A turn itself reads all of it in one request."""

    def __init__(self, storage: StateStorage, clock: Callable[[], datetime]) -> None:
        self._storage = storage
        self._clock = clock

    async def build_context(
        self,
        user_id: str,
        session_id: str,
        message: str,
        additional_context: Mapping[str, JsonValue] | None = None,
    ) -> AgentRequest:
        """The request with its user, session and history, read side by side. Raises StoreUnavailable."""
        user, session, history = await asyncio.gather(
            self._storage.get_user_context(user_id),
            self._storage.get_session_metadata(session_id),
            self._storage.get_conversation_history(session_id),
        )
        return AgentRequest(
            user_id=user_id,
            session_id=session_id,
            message=message,
            timestamp=self._clock(),
            user_context=user,
            session_context=session,
            conversation_history=history,
            additional_context=additional_context,
        )
