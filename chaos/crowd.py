"""Many users at once: workers that play one session's script after the other."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any

from chaos.clients import Client
from chaos.evidence import Sent
from chaos.plan import Note, Script, burst, last_word

WORKERS = 12
PATIENCE = 40.0
"""Seconds a client waits for an outcome before it goes on; whether it ever came is the checker's business."""
LOST = 15.0
"""Seconds after which a client of a broker without a store takes its message for lost."""
REPEATS, AT_ONCE = 200, 8
"""Messages that are sent once more at the end, and how many of them at once."""


class Crowd:
    """Plays scripts until it is told to stop, and keeps what was sent."""

    def __init__(self, client: Client, scripts: Iterator[Script], *, lossy_broker: bool) -> None:
        self.sent: list[Sent] = []
        self.sessions = 0
        self.repeated: Counter[str] = Counter()
        """How often each door was given an accepted message once more."""
        self.silent_since = 0.0
        self._lossy_broker = lossy_broker
        self._client = client
        self._scripts = scripts
        self._notes: dict[str, Note] = {}
        self._stopping = False
        self._bursts = 0
        self._tasks: set[asyncio.Task[None]] = set()
        for _ in range(WORKERS):
            self._begin(self._work())

    def burst(self) -> None:
        """Send many messages to one session at once."""
        self._begin(self._burst(burst(self._bursts)))
        self._bursts += 1

    def hush(self) -> None:
        """Fall silent at once: nobody sends, asks or listens any more, in the middle of a request as it may be."""
        self._stopping = True
        self.silent_since = time.time()
        for task in self._tasks:
            task.cancel()

    async def finish(self, within: float) -> list[Sent]:
        """Ask for every outcome that nobody knows yet, and return the accepted messages without one."""
        self.hush()
        accepted = [sent for sent in self.sent if sent.verdict == "accepted"]
        await asyncio.gather(*(self._outcome(sent, within) for sent in accepted))
        return [sent for sent in accepted if not sent.settled]

    async def repeat(self, within: float, most: int = REPEATS) -> bool:
        """Send messages that were answered long ago once more, with their keys; False: it took too long."""
        try:
            async with asyncio.timeout(within):
                await self._repeat(most)
        except TimeoutError:
            return False
        return True

    async def _repeat(self, most: int) -> None:
        settled = [sent for sent in self.sent if sent.settled and sent.verdict == "accepted"]
        chosen = settled[:: -(-len(settled) // most) or 1]
        for start in range(0, len(chosen), AT_ONCE):
            await asyncio.gather(*map(self._once_more, chosen[start : start + AT_ONCE]))
        self._stopping = False
        await self._play(last_word())  # when that is answered, the broker has delivered the others too
        for sent in chosen:
            sent.settled = False  # look again
        for start in range(0, len(chosen), AT_ONCE):
            await asyncio.gather(*map(self._outcome, chosen[start : start + AT_ONCE]))

    async def _once_more(self, sent: Sent) -> None:
        self.repeated[sent.door] += 1
        await self._client.deliver(sent, self._notes[sent.marker])

    async def _work(self) -> None:
        while not self._stopping:
            await self._play(next(self._scripts))

    async def _play(self, script: Script) -> None:
        self.sessions += 1
        await asyncio.gather(
            *(self._write(script, script.notes[place :: script.writers]) for place in range(script.writers))
        )
        await self._outcomes(script)
        mine = [sent for sent in self.sent if sent.session == script.session]
        if script.intruder is not None and mine and mine[-1].settled:
            await self._client.intrude(mine[-1], script.intruder)

    async def _write(self, script: Script, notes: Sequence[Note]) -> None:
        """What one writer says in a session."""
        pending: list[asyncio.Task[None]] = []
        sent: Sent | None = None
        for note in notes:
            if self._stopping and sent is not None:
                break
            sent = self._new(script, note)
            task = self._begin(self._talk(sent, note))
            if note.wait or note.door in {"start", "topic"}:
                await task
            pending.append(task)
            await asyncio.sleep(note.pause)
        await asyncio.gather(*pending)

    async def _talk(self, sent: Sent, note: Note) -> None:
        """One message, with all that its client does about it."""
        await self._client.deliver(sent, note)
        if sent.verdict != "accepted":
            return
        if note.cancel:
            await self._client.cancel(sent)
        for _ in range(note.again):
            self.repeated[sent.door] += 1
            await self._client.deliver(sent, note)
        if note.wait:
            await self._outcome(sent)

    async def _burst(self, script: Script) -> None:
        self.sessions += 1
        await asyncio.gather(*(self._talk(self._new(script, note), note) for note in script.notes))
        await self._outcomes(script)

    async def _outcomes(self, script: Script) -> None:
        mine: Iterable[Sent] = [s for s in self.sent if s.session == script.session and s.verdict == "accepted"]
        await asyncio.gather(*(self._outcome(sent) for sent in mine))

    async def _outcome(self, sent: Sent, within: float = PATIENCE) -> None:
        lossy = self._lossy_broker and sent.door == "topic"
        await self._client.outcome(sent, min(LOST, within) if lossy else within)

    def _begin(self, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _new(self, script: Script, note: Note) -> Sent:
        interrupts = note.if_busy == "interrupt"
        sent = Sent(note.marker, note.text, script.user, script.session, note.door, note.key, interrupts)
        self.sent.append(sent)
        self._notes[note.marker] = note
        return sent
