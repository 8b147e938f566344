from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from travelbuddy.errors import RuntimeProblem
from travelbuddy.terminal.client import Broken, ServiceClient
from travelbuddy.terminal.sse import Event
from travelbuddy.terminal.stream import Following, Place, follow, sending
from travelbuddy.terminal.turn import Turn

URL = "http://service.test"
FOLLOWING = ("status", {"state": "following", "workflow_instance_id": "t1", "session_id": "s"}, "0t0")
MESSAGE = ("message", {"response": "Hello", "metadata": {"outcome": "answered"}}, "1m1")


def sse(*events: tuple[str, object, str]) -> bytes:
    """Events as bytes."""
    return b"".join(f"event: {n}\ndata: {json.dumps(d)}\nid: {i}\n\n".encode() for n, d, i in events)


class Breaking(httpx.SyncByteStream):
    """A stream that breaks after its bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data
        raise httpx.ReadError("reset")


class Service:
    """Gives its answers one after the other and notes what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = [*answers]
        self.asked: list[httpx.Request] = []
        self.pauses: list[float] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return bool(self._answers)

    def follow(self, place: Place, patience: float | None = None) -> list[Event]:
        """Everything that is told of the turn."""
        with ServiceClient(URL, transport=httpx.MockTransport(self._answer)) as client:
            return [*follow(client, place, self._pause, patience=patience)]


def test_a_broken_stream_goes_on_after_its_last_event() -> None:
    """After a break the turn is followed from the last event on, and the break is told."""
    token = ("token", {"text": "Hel", "step": 1}, "1t3.ab")
    service = Service(
        httpx.Response(200, stream=Breaking(sse(FOLLOWING, token))),
        httpx.ConnectError("refused"),
        httpx.Response(200, content=sse(FOLLOWING, MESSAGE)),
    )
    events = service.follow(sending("hi", "ada", "s"))
    assert [event.name for event in events] == ["status", "token", "lost", "lost", "back", "status", "message"]
    assert str(service.asked[-1].url) == f"{URL}/workflows/t1/stream?after=1t3.ab"
    assert json.loads(service.asked[0].content) == {"user_id": "ada", "session_id": "s", "message": "hi"}
    assert service.pauses[0] < service.pauses[1]


def test_a_message_is_sent_again_under_the_same_key() -> None:
    """Until the service has named the turn the message is handed in again, always as the same one."""
    service = Service(
        httpx.ReadError("reset"),
        httpx.Response(503, json={"detail": "too many turns"}, headers={"Retry-After": "7"}),
        httpx.Response(200, content=sse(FOLLOWING, MESSAGE)),
    )
    service.follow(sending("hi", None, "s"))
    assert len({request.headers["Idempotency-Key"] for request in service.asked}) == 1
    assert service.pauses[1] == 7, "the service said when to come again"


def test_a_refusal_is_not_repeated() -> None:
    """What the service refuses for good is told at once; a stream's own error that does not pass ends it."""
    refusing = Service(httpx.Response(422, json={"detail": "session_id: too long"}))
    with pytest.raises(RuntimeProblem, match="session_id: too long"):
        refusing.follow(sending("hi", None, "s"))
    gone = ("error", {"status": 404, "detail": "no turn"}, "0t0")
    assert Service(httpx.Response(200, content=sse(FOLLOWING, gone))).follow(Place(turn_id="t1"))[-1].name == "error"


def test_a_replica_that_leaves_hands_over() -> None:
    """A stream that ends without the message is taken up elsewhere."""
    leaving = ("status", {"state": "resume", "resume_url": "/workflows/t1/stream"}, "1t3")
    service = Service(
        httpx.Response(200, content=sse(FOLLOWING, leaving)), httpx.Response(200, content=sse(FOLLOWING, MESSAGE))
    )
    assert service.follow(Place(turn_id="t1"))[-1].name == "message"


def test_patience_ends() -> None:
    """A command that nobody sits in front of gives up when the service stays away."""
    with pytest.raises(Broken, match="No TravelBuddy answers"):
        Service(httpx.ConnectError("refused")).follow(Place(turn_id="t1"), patience=-1)


def test_trouble_reaches_whoever_looks() -> None:
    """What goes wrong in the thread that reads is raised where the turn is watched."""

    def broken() -> Iterator[Event]:
        yield Event("status", {"state": "running"})
        raise RuntimeProblem("gone")

    with pytest.raises(RuntimeProblem, match="gone"):
        list(Following(lambda pause: broken(), Turn()).turns())


def test_a_message_that_was_given_up_is_not_sent_later() -> None:
    """Once nobody looks any more, no further try is made."""
    service = Service(httpx.ConnectError("refused"))
    assert [event.name for event in service.follow(sending("hi", None, "s"))] == ["lost"]
    assert len(service.asked) == 1
