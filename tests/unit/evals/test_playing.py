"""A dialogue is played to a service, and what it searched for is read from the history."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from evals import play
from evals.dialogues import Dialogue, Query
from evals.play import Player
from evals.score import Played
from tests.unit.evals.conftest import TRIP, dialogue, system, user

from travelbuddy.errors import RuntimeProblem

TALK = dialogue(user("to Rome"), system("From where?"), user("Oslo, the 12th"), system(**TRIP))
FOUND = {"query": {**TRIP, "passengers": 1, "sort": "price"}, "offers": []}
LATER = httpx.Response(202, json={"workflow_instance_id": "turn-1"})
Messages = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "LOOK_EVERY", 0.0)


def _turn(*more: dict[str, Any]) -> Messages:
    return [{"role": "user", "content": "hi"}, *more]


def _calls(*names: str) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": str(at), "name": name} for at, name in enumerate(names)]}


def _result(call: int, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": str(call), "content": content}


class Service:
    """Answers each message with how many there were. ``stored`` is its history, of one turn a message by default.

    ``first`` is answered to the first requests instead, and ``views`` tell how a turn that takes longer is getting on.
    """

    def __init__(
        self, *stored: Messages, first: tuple[httpx.Response, ...] = (), views: Messages | None = None
    ) -> None:
        self.stored = stored or (_turn(), _turn())
        self.first = list(first)
        self.views = views or []
        self.heard: list[dict[str, str]] = []
        self.model = ""

    async def play(self, talk: Dialogue = TALK) -> list[Played]:
        async with Player("http://service", httpx.MockTransport(self._answer)) as player:
            played = await player.play(talk)
            self.model = player.model
        return played

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/history"):
            return httpx.Response(200, json={"turns": [{"messages": each} for each in self.stored]})
        if request.url.path == "/workflows/turn-1":
            return httpx.Response(200, json=self.views.pop(0))
        if self.first:
            return self.first.pop(0)
        self.heard.append(json.loads(request.content))
        return httpx.Response(200, json={"response": str(len(self.heard)), "metadata": {"model": "offline-x"}})


async def test_messages_are_sent_in_a_session_of_their_own() -> None:
    """Each after the answer to the last, and the model that answered is known then."""
    service = Service()
    assert await service.play() == [Played("1"), Played("2")]
    assert [heard["message"] for heard in service.heard] == ["to Rome", "Oslo, the 12th"]
    assert len({(heard["user_id"], heard["session_id"]) for heard in service.heard}) == 1
    assert service.model == "offline-x"


async def test_searches_are_read_from_the_history() -> None:
    """Those of a turn, in their order, as they were understood; what was refused is kept apart."""
    refused = {"error": {"message": "departure_date is past"}}
    results = [_result(0, json.dumps(FOUND)), _result(1, json.dumps(refused))]
    first, second = await Service(_turn(), _turn(_calls("search_flights", "search_flights"), *results)).play()
    assert (first.searches, first.refused) == ((), ())
    assert second.searches == (Query("OSL", "ROM", "2019-03-12", passengers="1"),)
    assert second.refused == ("departure_date is past",)


async def test_other_tools_are_not_looked_at() -> None:
    """Their results are no searches, and need not even be JSON."""
    talk = _turn(_calls("weather", "search_flights"), _result(0, "Sunny."), _result(1, json.dumps(FOUND)))
    _, second = await Service(_turn(), talk).play()
    assert len(second.searches) == 1


async def test_a_notice_is_no_answer() -> None:
    """What the service tells by itself, as of a watched fare, is left out of the history."""
    notice: Messages = [{"role": "assistant", "content": "The fare fell."}]
    assert len(await Service(_turn(), notice, _turn()).play()) == 2


async def test_a_history_of_another_length_is_said() -> None:
    """Replies and turns that do not belong together are never judged."""
    with pytest.raises(RuntimeProblem, match="one: 2 messages were sent, 1 turns are stored"):
        await Service(_turn()).play()


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_service_is_asked_again(status: int) -> None:
    """The same message is sent until it is taken."""
    service = Service(first=(httpx.Response(status, headers={"retry-after": "0"}), httpx.Response(status)))
    assert len(await service.play()) == 2
    assert [heard["message"] for heard in service.heard] == ["to Rome", "Oslo, the 12th"]


async def test_a_long_turn_is_waited_for() -> None:
    """Where POST /chat answers before the turn is over, its reply is that of the turn."""
    views: Messages = [{"response": None, "error": None}, {"response": "Where from?", "error": None}]
    first, _ = await Service(first=(LATER,), views=views).play()
    assert first.reply == "Where from?"


async def test_a_long_turn_that_fails_is_said() -> None:
    """With the reason of the service."""
    views = [{"response": None, "error": "the model is down"}]
    with pytest.raises(RuntimeProblem, match="not answered: the model is down"):
        await Service(first=(LATER,), views=views).play()


async def test_a_turn_that_never_ends_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the longest time that a turn may take the message says how long that is, and which turn it was."""
    monkeypatch.setattr(play, "LONGEST_TURN", -1.0)
    with pytest.raises(RuntimeProblem, match=r"not answered within .* s: turn turn-1"):
        await Service(first=(LATER,), views=[{"response": None, "error": None}]).play()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(422, json={"detail": "message is too long"}), "422 message is too long"),
        (httpx.Response(500, text="oops"), "500 oops"),
    ],
)
async def test_a_message_that_is_not_taken_is_named(answer: httpx.Response, told: str) -> None:
    """With the words of the service, whether it speaks JSON or not."""
    with pytest.raises(RuntimeProblem, match=f"^'to Rome' was not answered: {told}$"):
        await Service(first=(answer,)).play()


@pytest.mark.parametrize(
    ("error", "told"), [(httpx.ConnectError("refused"), "refused"), (httpx.ReadTimeout(""), "ReadTimeout")]
)
async def test_a_service_that_does_not_answer_is_named(error: httpx.TransportError, told: str) -> None:
    """The message has the address and the reason, also of an error that has no words."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    async with Player("http://service", httpx.MockTransport(fail)) as player:
        with pytest.raises(RuntimeProblem, match=f"^http://service does not answer: {told}$"):
            await player.play(TALK)


async def test_so_many_dialogues_are_played_at_the_same_time() -> None:
    """Never more of them, and each comes back with what became of it, in the order of the dialogues."""
    talks = [dialogue(user(str(number))).model_copy(update={"id": str(number)}) for number in range(5)]
    done: list[str] = []
    now = most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        if request.method == "GET":
            return httpx.Response(200, json={"turns": [{"messages": _turn()}]})
        now, most = now + 1, max(most, now + 1)
        said = json.loads(request.content)["message"]
        for _ in range(5 - int(said)):  # the first one takes longest
            await asyncio.sleep(0)
        now -= 1
        return httpx.Response(200, json={"response": f"re: {said}", "metadata": {"model": "offline-x"}})

    async with Player("http://service", httpx.MockTransport(answer)) as player:
        pairs = await player.play_all(talks, 2, lambda talk: done.append(talk.id))
    assert most == 2
    assert [(talk.id, played[0].reply) for talk, played in pairs] == [(str(at), f"re: {at}") for at in range(5)]
    assert sorted(done) == ["0", "1", "2", "3", "4"]
