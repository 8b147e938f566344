"""Many users at once: workers that play one session's script after the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator

from chaos.clients import Client
from chaos.evidence import Sent
from chaos.plan import Note, Script, burst, last_word

WORKERS = 12
PATIENCE = 40.0
"""Seconds a client waits for an outcome before it goes on; whether it ever came is the checker's business."""
LOST = 15.0
"""Seconds after which a client of a broker without a store takes its message for lost."""
REPEATS = 200


class Crowd:
    """Plays scripts until it is told to stop, and keeps what was sent."""

    def __init__(self, client: Client, scripts: Iterator[Script], *, lossy_broker: bool) -> None:
        self.sent: list[Sent] = []
        self.sessions = 0
        self.repeated: Counter[str] = Counter()
        """How often each door was given an accepted message once more."""
        self._lossy_broker = lossy_broker
        self._client = client
        self._scripts = scripts
        self._notes: dict[str, Note] = {}
        self._stopping = False
        self._bursts: set[asyncio.Task[None]] = set()
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    def burst(self) -> None:
        """Send many messages to one session at once."""
        task = asyncio.create_task(self._burst(burst(len(self._bursts))))
        self._bursts.add(task)

    async def finish(self, within: float) -> list[Sent]:
        """Begin nothing new, wait until all is answered, and return the accepted messages that were not.

        Both what is being said and the outcomes get ``within`` seconds.
        """
        self._stopping = True
        await asyncio.wait([*self._workers, *self._bursts], timeout=within)
        self.abandon()
        accepted = [sent for sent in self.sent if sent.verdict == "accepted"]
        await asyncio.gather(*(self._outcome(sent, within) for sent in accepted))
        return [sent for sent in accepted if not sent.settled]

    async def repeat(self, within: float) -> bool:
        """Send messages that were answered long ago once more, with their keys; False: it took too long."""
        try:
            async with asyncio.timeout(within):
                await self._repeat()
        except TimeoutError:
            return False
        return True

    async def _repeat(self) -> None:
        settled = [sent for sent in self.sent if sent.settled and sent.verdict == "accepted"]
        chosen = settled[:: max(1, len(settled) // REPEATS)]
        for sent in chosen:
            self.repeated[sent.door] += 1
            await self._client.deliver(sent, self._notes[sent.marker])
        self._stopping = False
        await self._play(last_word())  # when that is answered, the broker has delivered the others too
        for sent in chosen:
            sent.settled = False  # look again
            await self._outcome(sent)

    def abandon(self) -> None:
        """Stop at once."""
        for task in (*self._workers, *self._bursts):
            task.cancel()

    async def _work(self) -> None:
        while not self._stopping:
            await self._play(next(self._scripts))

    async def _play(self, script: Script) -> None:
        self.sessions += 1
        pending: list[asyncio.Task[None]] = []
        sent: Sent | None = None
        for note in script.notes:
            if self._stopping and sent is not None:
                break
            sent = self._new(script, note)
            task = asyncio.create_task(self._talk(sent, note))
            if note.wait or note.door in {"start", "topic"}:
                await task
            pending.append(task)
            await asyncio.sleep(note.pause)
        await asyncio.gather(*pending)
        await self._outcomes(script)
        if sent is not None and sent.settled and script.intruder is not None:
            await self._client.intrude(sent, script.intruder)

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

    def _new(self, script: Script, note: Note) -> Sent:
        sent = Sent(note.marker, note.text, script.user, script.session, note.door, note.key)
        self.sent.append(sent)
        self._notes[note.marker] = note
        return sent
