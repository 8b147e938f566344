"""Following a turn to its end, however often the connection breaks or the service is killed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from uuid import uuid4

from travelbuddy.terminal.client import Answer, Broken, ServiceClient
from travelbuddy.terminal.sse import Event
from travelbuddy.terminal.turn import Turn, ends, reduce

PAUSES = (0.2, 0.5, 1.0)
"""Seconds between tries to reach the service again; the last one from then on."""
TICK = 0.1
Pause = Callable[[float], bool]
"""Waits so many seconds; False when there is no reason to go on."""


@dataclass(frozen=True)
class Place:
    """Where a stream is asked for: a message to be sent, once and under one key, or a turn, after one of its events."""

    body: Answer | None = None
    key: str = ""
    turn_id: str = ""
    after: str = ""

    def moved(self, event: Event) -> Place:
        """The place after the event."""
        known = str(event.data.get("workflow_instance_id") or "") if event.name == "status" else ""
        return Place(self.body, self.key, self.turn_id or known, event.id or self.after)


def sending(message: str, user: str | None, session: str) -> Place:
    """A message to send, under a fresh key: sending it again after a broken connection is the same message."""
    body = {"user_id": user, "session_id": session, "message": message}
    return Place({key: value for key, value in body.items() if value is not None}, str(uuid4()))


def follow(service: ServiceClient, place: Place, pause: Pause, *, patience: float | None = None) -> Iterator[Event]:
    """The turn's events to its ``message``, with ``lost`` and ``back`` where the connection broke and came again.

    Nothing is tried or sent any more once ``pause`` says that nobody looks.
    Raises RuntimeProblem when the service refuses, or was away for longer than ``patience`` seconds.
    """
    tries, lost, heard = 0, False, time.monotonic()
    while True:
        reason, after = "the connection broke", None
        try:
            with _opened(service, place) as events:
                for event in events:
                    if lost:
                        yield Event("back", {"at": time.time()})
                    lost, heard = False, time.monotonic()
                    tries = tries if event.name == "error" or event.data.get("state") == "following" else 0
                    place = place.moved(event)
                    yield event
                    if event.name == "message" or ends(event):
                        return
        except Broken as problem:
            reason, after = (str(problem), problem.after) if problem.after else ("the service does not answer", None)
            if patience is not None and time.monotonic() - heard > patience:
                raise
        lost = True
        yield Event("lost", {"reason": reason, "at": time.time()})
        if not pause(after if after is not None else PAUSES[min(tries, len(PAUSES) - 1)]):
            return
        tries += 1


def _opened(service: ServiceClient, place: Place) -> AbstractContextManager[Iterator[Event]]:
    if place.turn_id:
        params = {"after": place.after} if place.after else {}
        return service.stream("GET", f"/workflows/{place.turn_id}/stream", params=params)
    return service.stream("POST", "/chat/stream", place.body, headers={"Idempotency-Key": place.key})


class Following:
    """Follows a turn in a thread of its own, so that whoever looks stays free to draw and to listen to keys."""

    def __init__(self, events: Callable[[Pause], Iterator[Event]], turn: Turn) -> None:
        """``events`` is ``follow`` but for its last argument."""
        self.turn = turn
        self._news: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._left = threading.Event()
        self._events = events(lambda seconds: not self._left.wait(seconds))
        threading.Thread(target=self._read, daemon=True).start()

    def turns(self) -> Iterator[Turn]:
        """The turn after each event, and the same one again in every silent moment; ends with it or by ``leave``."""
        while not self._left.is_set():
            try:
                news = self._news.get(timeout=TICK)
            except queue.Empty:
                yield self.turn
                continue
            if isinstance(news, BaseException):
                raise news
            if news is None:
                return
            self.turn = reduce(self.turn, news)
            yield self.turn

    def leave(self) -> None:
        """Look no more; the turn goes on without us."""
        self._left.set()

    def _read(self) -> None:
        try:
            for event in self._events:
                if self._left.is_set():
                    return
                self._news.put(event)
            self._news.put(None)
        except BaseException as error:  # noqa: BLE001 - told to whoever looks, who raises it again
            self._news.put(error)
