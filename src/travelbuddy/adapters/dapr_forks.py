"""Forks of sessions in the Dapr state store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.dapr_state import put_session, put_tally, put_turn
from travelbuddy.domain.conversation import SessionRecord, TurnRecord

_AT_ONCE = 8


class DaprForks:
    """The Forks port."""

    def __init__(self, records: DaprRecords) -> None:
        self._records = records

    async def begin(self, session: SessionRecord) -> bool:
        """See Forks."""
        return await self._records.write(put_session(session, None))

    async def fill(self, turns: Sequence[TurnRecord]) -> None:
        """See Forks."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def put(turn: TurnRecord) -> None:
            async with limit:
                await self._records.put(put_turn(turn))

        await asyncio.gather(*map(put, turns))

    async def count(self, session: SessionRecord) -> None:
        """See Forks."""
        await self._records.put(put_tally(session))
