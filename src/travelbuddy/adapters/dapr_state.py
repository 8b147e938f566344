"""Conversation memory in the Dapr state store: which keys there are, how long they live, what is guarded.

key                        content                                            lifetime after the last write
session:<id>               SessionRecord, always under its ETag               7 days
turn:<id>                  TurnRecord                                         7 days, at most 100 a session
user:<id>                  UserRecord, under its ETag                         30 days
sessions:<user>            SessionIndex, under its ETag                       30 days
tally:<user>/<session>     Tally, a plain set (repeating it is harmless)      30 days
open:<replica>/<n>         a session that may have open turns, DaprOpenSessions 7 days
ready:<replica>            when the replica last tried to write, dapr_probe    60 s
corrupt:<key>              a value that could not be read                     7 days
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import JsonValue

from travelbuddy.adapters.dapr_indexes import USER_TTL, DaprSessionIndexes
from travelbuddy.adapters.dapr_open_sessions import DaprOpenSessions
from travelbuddy.adapters.dapr_records import DAY, DaprRecords
from travelbuddy.adapters.dapr_store import Delete, Put
from travelbuddy.adapters.ports import Snapshot, StateStorage
from travelbuddy.domain.conversation import (
    Commit,
    SessionRecord,
    TurnRecord,
    commit_turns,
    window,
)
from travelbuddy.domain.forks import tally_of
from travelbuddy.domain.messages import Message, whole
from travelbuddy.domain.users import Tally, UserRecord
from travelbuddy.errors import NotFound
from travelbuddy.telemetry.spans import turn_over

SESSION_TTL = TURN_TTL = 7 * DAY
METADATA_LIFETIME = timedelta(hours=24)
_AT_ONCE = 200
"""Keys read in one request."""


class DaprStateStorage(DaprSessionIndexes, StateStorage):
    """All of the service's memory. Implements StateStorage and the ports SessionRecords, Titles and UserRecords."""

    def __init__(
        self,
        records: DaprRecords,
        clock: Callable[[], datetime],
        committed: Callable[[Sequence[TurnRecord]], None] = lambda closed: None,
        open_sessions: DaprOpenSessions | None = None,
    ) -> None:
        """``committed`` is told of the turns that a commit of ours has closed."""
        super().__init__(records, clock)
        self._committed = committed
        self._open = open_sessions or DaprOpenSessions(records, "", clock)

    # SessionRecords: what the session protocol needs

    async def read(self, session_id: str, *, user_id: str | None = None) -> Snapshot:
        """See SessionRecords."""
        keys = [f"session:{session_id}"] + ([f"user:{user_id}"] if user_id is not None else [])
        stored = await self._records.read(*keys)
        session = await self._records.parse(SessionRecord, keys[0], stored[0])
        user = await self._records.parse(UserRecord, keys[1], stored[1]) if user_id is not None else None
        return Snapshot(session, stored[0].etag, user)

    async def read_all(self, session_ids: Sequence[str]) -> list[Snapshot]:
        """See SessionRecords."""
        keys = [f"session:{session_id}" for session_id in session_ids]
        stored = await self._records.read(*keys) if keys else []
        return [
            Snapshot(await self._records.parse(SessionRecord, key, each), each.etag)
            for key, each in zip(keys, stored, strict=True)
        ]

    async def write(self, session: SessionRecord, etag: str | None) -> bool:
        """See SessionRecords. A session that gets its first open turn is noted as open in the same request."""
        async with self._open.noting(session) as note:
            return note.done(await self._records.write(put_session(session, etag), *note.puts))

    async def commit(self, commit: Commit, etag: str) -> bool:
        """See SessionRecords. A turn that leaves the window is written again from the guarded copy."""
        session = commit.session
        async with self._open.noting(session) as note:
            committed = note.done(
                await self._records.transact(
                    put_session(session, etag),
                    [
                        *(put_turn(record) for record in (*commit.sealed, *commit.closed)),
                        put_tally(session),
                        *note.puts,
                        *(Delete(f"turn:{turn_id}") for turn_id in commit.dropped),
                    ],
                )
            )
        if committed:
            self._committed(commit.closed)
            for turn in commit.closed:
                turn_over(turn, self._clock())
        return committed

    async def restore_turn(self, turn: TurnRecord) -> None:
        """See SessionRecords."""
        await self._records.put(put_turn(turn))

    async def find_turn(self, turn_id: str) -> TurnRecord | None:
        """See SessionRecords."""
        return (await self.find_turns([turn_id])).get(turn_id)

    async def find_turns(self, turn_ids: Sequence[str]) -> dict[str, TurnRecord]:
        """See SessionRecords."""
        if not turn_ids:
            return {}
        keys = [f"turn:{turn_id}" for turn_id in turn_ids]
        found = {}
        for turn_id, key, stored in zip(turn_ids, keys, await self._records.read(*keys), strict=True):
            if (record := await self._records.parse(TurnRecord, key, stored)) is not None:
                found[turn_id] = record
        return found

    async def tallies_of(self, user_id: str) -> dict[str, Tally]:
        """See SessionRecords."""
        sessions = [*(await self.sessions_of(user_id)).sessions]
        found = {}
        for start in range(0, len(sessions), _AT_ONCE):
            part = sessions[start : start + _AT_ONCE]
            keys = [f"tally:{user_id}/{session}" for session in part]
            for session, key, stored in zip(part, keys, await self._records.read(*keys), strict=True):
                if (tally := await self._records.parse(Tally, key, stored)) is not None:
                    found[session] = tally
        return found

    # UserRecords

    async def user(self, user_id: str, at_least: datetime | None = None) -> UserRecord | None:
        """See UserRecords."""
        key = f"user:{user_id}"
        (stored,) = await self._records.read(key)
        return await self._records.parse(UserRecord, key, stored)

    async def merge_user(self, user_id: str, changes: Mapping[str, JsonValue]) -> UserRecord:
        """See UserRecords."""
        key = f"user:{user_id}"
        while True:
            (stored,) = await self._records.read(key)
            now = self._clock()
            known = await self._records.parse(UserRecord, key, stored)
            merged = (known or UserRecord(user_id=user_id, updated_at=now)).merged(changes, now)
            if await self._records.write(Put(key, merged, USER_TTL, stored.etag)):
                return merged

    # StateStorage: the six operations

    async def get_conversation_history(self, session_id: str) -> list[Message]:
        """See StateStorage. What a prompt holds of the last turns: nothing of those that failed or were cancelled."""
        session = (await self.read(session_id)).session
        return window(session) if session is not None else []

    async def append_conversation_turn(self, session_id: str, turn: Message) -> None:
        """See StateStorage. The message becomes a turn of its own; raises NotFound for an unknown session.

        Raises ValueError for a message that cannot stand alone: a tool call or a tool's result.
        """
        if not whole((turn,)):
            raise ValueError("a tool call and its result are stored together, by the turn they belong to")
        now, turn_id = self._clock(), f"note-{uuid4().hex}"
        while True:
            session, etag = await self._existing(session_id)
            record = TurnRecord(
                workflow_instance_id=turn_id,
                session_id=session_id,
                user_id=session.user_id,
                outcome="answered",
                created_at=turn.timestamp,
                completed_at=now,
                messages=(turn,),
            )
            if await self.commit(commit_turns(session, record), etag):
                return

    async def get_user_context(self, user_id: str) -> dict[str, JsonValue]:
        """See StateStorage. Totals are summed over the tallies of all the user's sessions."""
        user = await self.user(user_id)
        context: dict[str, JsonValue] = dict(user.context) if user is not None else {}
        if tallies := (await self.tallies_of(user_id)).values():
            context["last_seen"] = max(tally.last_activity for tally in tallies).isoformat()
            context["total_interactions"] = sum(tally.message_count for tally in tallies)
        return context

    async def update_user_context(self, user_id: str, context: Mapping[str, JsonValue]) -> None:
        """See StateStorage."""
        await self.merge_user(user_id, context)

    async def get_session_metadata(self, session_id: str) -> dict[str, JsonValue]:
        """See StateStorage."""
        session = (await self.read(session_id)).session
        if session is None or self._clock() - session.last_activity > METADATA_LIFETIME:
            return {}
        return {
            **session.metadata,
            "last_activity": session.last_activity.isoformat(),
            "message_count": session.message_count,
        }

    async def update_session_metadata(self, session_id: str, metadata: Mapping[str, JsonValue]) -> None:
        """See StateStorage. The two derived keys cannot be set; raises NotFound for an unknown session."""
        while True:
            session, etag = await self._existing(session_id)
            merged = {**session.metadata, **metadata}
            kept = {
                key: value
                for key, value in merged.items()
                if value is not None and key not in {"last_activity", "message_count"}
            }
            if await self.write(session.model_copy(update={"metadata": kept}), etag):
                return

    async def _existing(self, session_id: str) -> tuple[SessionRecord, str]:
        snapshot = await self.read(session_id)
        if snapshot.session is None or snapshot.etag is None:
            raise NotFound(f"no session {session_id!r}")
        return snapshot.session, snapshot.etag


def put_session(session: SessionRecord, etag: str | None) -> Put:
    """The session's record, under this ETag."""
    return Put(f"session:{session.session_id}", session, SESSION_TTL, etag)


def put_turn(turn: TurnRecord) -> Put:
    """The turn's own record."""
    return Put(f"turn:{turn.workflow_instance_id}", turn, TURN_TTL)


def put_tally(session: SessionRecord) -> Put:
    """What the session adds to its user's totals: a plain set, so repeating it is harmless."""
    return Put(f"tally:{session.user_id}/{session.session_id}", tally_of(session), USER_TTL)
