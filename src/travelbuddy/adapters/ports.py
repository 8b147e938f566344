"""What the inside asks of the outside. Each Protocol is implemented by one adapter, or by a fake in tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import JsonValue

from travelbuddy.domain.conversation import Commit, SessionRecord, TurnRecord
from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.users import SessionIndex, Tally, UserRecord

EngineState = Literal["running", "suspended", "completed", "failed", "terminated", "missing", "unreadable"]
"""``unreadable``: the engine answers for others and fails for this instance, which nothing can run or end any more."""
ENDED: frozenset[EngineState] = frozenset({"completed", "failed", "terminated", "missing"})


@dataclass(frozen=True)
class Snapshot:
    """A session as read, with the ETag its next write must still find; None and None when there is none."""

    session: SessionRecord | None
    etag: str | None
    user: UserRecord | None = None


class SessionRecords(Protocol):
    """The guarded records of sessions. Every method raises StoreUnavailable when the store does not answer."""

    async def read(self, session_id: str, *, user_id: str | None = None) -> Snapshot:
        """One bulk read of the session and, where asked for, a user's record."""
        ...

    async def read_all(self, session_ids: Sequence[str]) -> list[Snapshot]:
        """The sessions, in their order."""
        ...

    async def write(self, session: SessionRecord, etag: str | None) -> bool:
        """Replace the session if its ETag is still ``etag`` (None: if there is none). False: somebody was faster."""
        ...

    async def commit(self, commit: Commit, etag: str) -> bool:
        """As ``write``, with the closed, sealed and dropped turns' records and the tally in the same request."""
        ...

    async def restore_turn(self, turn: TurnRecord) -> None:
        """Put a turn's record back as committed, after an execution that lost the guard may have replaced it."""
        ...

    async def find_turn(self, turn_id: str) -> TurnRecord | None:
        """A finished turn by its id."""
        ...

    async def find_turns(self, turn_ids: Sequence[str]) -> dict[str, TurnRecord]:
        """Finished turns by id; what has expired or cannot be read is missing from the answer."""
        ...

    async def index_session(self, user_id: str, session_id: str, beginning: str | None = None) -> None:
        """Note that the user has this session and how it begins, before it is stored; without that, that it goes on."""
        ...

    async def sessions_of(self, user_id: str) -> SessionIndex:
        """The user's sessions."""
        ...

    async def tallies_of(self, user_id: str) -> dict[str, Tally]:
        """What each of the user's sessions counts, by session id; a session without a finished turn has none."""
        ...


class OpenSessions(Protocol):
    """Which sessions may have open turns, of all replicas. It may name too many, and never too few for long."""

    async def begin(self) -> list[str]:
        """Take part as this replica; the sessions that it left behind when it was here before."""
        ...

    async def of_others(self) -> list[str]:
        """The sessions of all other replicas, whether those still run or not."""
        ...

    def over(self, session_id: str) -> None:
        """The session has no open turn of this replica's any more."""
        ...


class ErasableRecords(Protocol):
    """Removing what is stored of a user. Everything may be repeated."""

    async def mark_erased(self, session_id: str) -> None:
        """Set the session's tombstone to now."""
        ...

    async def erased_at(self, session_id: str) -> datetime | None:
        """When the session was erased, as long as something of it could come back."""
        ...

    async def turns_of(self, session_id: str) -> tuple[list[str], str] | None:
        """The ids of the session's turns and their instances, and its ETag; None when there is no such record."""
        ...

    async def drop_session(self, session_id: str, user_id: str, etag: str) -> bool:
        """Delete the session's record if its ETag still holds. False: somebody was faster."""
        ...

    async def drop_turns(self, turn_ids: Iterable[str]) -> None:
        """Delete turns' records."""
        ...

    async def unlist_session(self, user_id: str, session_id: str) -> None:
        """Delete the session's tally and take it out of the user's index and of the open sessions."""
        ...

    async def session_ids(self, user_id: str) -> list[str]:
        """The user's sessions by the index."""
        ...

    async def drop_user(self, user_id: str) -> None:
        """Delete the user's record."""
        ...


class UserRecords(Protocol):
    """Users' lasting contexts."""

    async def user(self, user_id: str, at_least: datetime | None = None) -> UserRecord | None:
        """The user's record, not older than ``at_least``."""
        ...

    async def merge_user(self, user_id: str, changes: Mapping[str, JsonValue]) -> UserRecord:
        """Set the given keys (None deletes), leaving all others as they are, however many do so at once."""
        ...


class StateStorage(ABC):
    """External conversation state, the six operations every stateless agent needs."""

    @abstractmethod
    async def get_conversation_history(self, session_id: str) -> list[Message]:
        """Messages of the session, oldest first; empty for an unknown session."""

    @abstractmethod
    async def append_conversation_turn(self, session_id: str, turn: Message) -> None:
        """Append one message that came from outside the agent."""

    @abstractmethod
    async def get_user_context(self, user_id: str) -> dict[str, JsonValue]:
        """Preferences and derived state (``last_seen``, ``total_interactions``); empty for an unknown user."""

    @abstractmethod
    async def update_user_context(self, user_id: str, context: Mapping[str, JsonValue]) -> None:
        """Set the given keys; None deletes one."""

    @abstractmethod
    async def get_session_metadata(self, session_id: str) -> dict[str, JsonValue]:
        """``last_activity``, ``message_count`` and own keys; empty when unknown or silent for 24 hours."""

    @abstractmethod
    async def update_session_metadata(self, session_id: str, metadata: Mapping[str, JsonValue]) -> None:
        """Set the given keys; None deletes one."""


@dataclass(frozen=True)
class EngineStatus:
    """A workflow instance. ``input``: what it was scheduled with; ``closed``: why its payloads cannot be read here."""

    state: EngineState
    progress: str = ""
    input: dict[str, JsonValue] | None = None
    closed: str = ""
    created_at: str | None = None
    updated_at: str | None = None


class TurnEngine(Protocol):
    """The workflow engine. Every method raises StoreUnavailable when the sidecar does not answer."""

    async def schedule(self, turn_id: str, payload: Mapping[str, JsonValue]) -> bool:
        """Start the turn's workflow. False: an instance of that id is running already."""
        ...

    async def status(self, turn_id: str) -> EngineStatus:
        """The instance's state; ``missing`` when the engine does not know the id."""
        ...

    async def suspend(self, turn_id: str) -> None:
        """Hold the instance before its next step; an activity under way is finished. Harmless when it has ended."""
        ...

    async def resume(self, turn_id: str) -> None:
        """Let a suspended instance go on; harmless when it is not suspended or has ended."""
        ...

    async def terminate(self, turn_id: str) -> None:
        """End the instance; harmless when it has ended or is unknown. An activity under way is not stopped by it."""
        ...

    async def probe(self) -> bool:
        """Whether a new instance with one activity runs to its end now, within seconds: the engine hands out work."""
        ...

    async def purge(self, turn_id: str) -> bool:
        """Forget an ended instance with its whole history; False when it is unknown."""
        ...

    async def ids(self, prefix: str) -> list[str]:
        """The ids of all instances the engine still keeps that begin with ``prefix``. Reads all keys: costly."""
        ...


class ReplicaLink(Protocol):
    """What replicas tell each other. Telling never waits and never fails; a notice may be lost, doubled or late."""

    @property
    def name(self) -> str:
        """The name of this replica."""
        ...

    def on(self, kind: str, handler: Callable[[dict[str, Any]], None]) -> None:
        """Call ``handler`` with every notice of this kind from other replicas."""
        ...

    def send(self, replica: str, notice: Mapping[str, Any]) -> None:
        """Tell one replica."""
        ...

    def broadcast(self, notice: Mapping[str, Any]) -> None:
        """Tell all other replicas."""
        ...


class Publisher(Protocol):
    """The broker."""

    async def publish(self, topic: str, data: Mapping[str, Any], event_id: str) -> None:
        """Publish JSON data as a CloudEvent with this id."""
        ...


@dataclass(frozen=True)
class ModelAnswer:
    """A chat completion. ``tool_calls`` have unique ids; ``tokens`` is what it took, 0 where that is not said."""

    content: str
    tool_calls: tuple[ToolCall, ...]
    model: str
    tokens: int
    prompt_tokens: int = 0
    finish_reason: str = field(default="", compare=False)


class ChatModel(Protocol):
    """A chat-completions model. Raises ModelUnavailable (worth a retry) or ModelRefused (not)."""

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        """One completion of the OpenAI-shaped messages; no tools are offered when ``tools`` is empty.

        ``on_text`` gets each piece of the answer's text as it arrives; together they are ``content``. The first one is
        empty where the answer begins with something else.
        """
        ...
