"""Server-sent events: tokens while the model speaks, and the rest after any break."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.events import collect, events, first, reply_of
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Call, Request, Say, ScriptedModel, one_search
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import copy_of_components

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "one two three four five six seven eight"


def slowly(request: Request) -> Say | Call:
    """A search, then eight words with 200 ms between them."""
    answer = one_search(request)
    return Say(WORDS, delay=0.2) if isinstance(answer, Say) else answer  # type: ignore[return-value]


def _body(session: str, message: str = "Paris?") -> dict[str, str]:
    return {"user_id": "ada", "session_id": session, "message": message}


async def test_the_first_token_comes_before_the_model_has_finished(scripted: Scripted) -> None:
    """Events come as they happen: calls, results, tokens 200 ms apart, the whole message last."""
    scripted.model.script = slowly
    sent = await collect("POST", f"{scripted.stack.app_url}/chat/stream", body=_body("stream-1"))
    names = [event.name for event in sent if event.name != "status"]
    assert names[:2] == ["tool_call", "tool_result"]
    assert names[-1] == "message"
    tokens = [event for event in sent if event.name == "token"]
    assert len(tokens) >= 4
    assert sent[-1].at - tokens[0].at > 1, "the first token came long before the end"
    assert reply_of(sent) == WORDS == sent[-1].data["response"]
    assert sent[-1].data["metadata"]["offers"]["query"]["destination"] == "PAR"
    assert all(event.id for event in sent)
    turn = sent[0].data["workflow_instance_id"]
    assert (await User(scripted.stack).finished(turn))["response"] == WORDS


async def test_a_turn_that_was_only_started_can_be_followed(scripted: Scripted) -> None:
    """GET /workflows/{id}/stream gives the tokens of a turn that nobody followed so far."""
    scripted.model.script = slowly
    user = User(scripted.stack, "ada", "stream-2")
    turn = await user.start("Paris?")
    sent = await collect("GET", f"{scripted.stack.app_url}/workflows/{turn}/stream")
    assert len([event for event in sent if event.name == "token"]) >= 4
    assert reply_of(sent) == WORDS


@pytest.mark.parametrize("count", [1, 3, 5, 8])
async def test_resumed_after_a_cut_the_parts_are_the_whole(scripted: Scripted, count: int) -> None:
    """Cut after some events and resumed with Last-Event-ID, at once and after the end, the tokens are the reply."""
    scripted.model.script = slowly
    url = scripted.stack.app_url
    part = await first(count, "POST", f"{url}/chat/stream", body=_body(f"cut-{count}"))
    turn = part[0].data["workflow_instance_id"]
    rest = await collect("GET", f"{url}/workflows/{turn}/stream", after=part[-1].id)
    assert reply_of(part + rest) == WORDS
    late = await collect("GET", f"{url}/workflows/{turn}/stream?after={part[-1].id}")
    assert reply_of(part + late) == WORDS
    assert [event.name for event in await collect("GET", f"{url}/workflows/{turn}/stream", after=late[-1].id)] == [
        "status"
    ]


async def test_a_reader_that_does_not_read_slows_no_turn(scripted: Scripted) -> None:
    """With a client that stops reading, the turn takes no longer."""
    long = " ".join(["word"] * 20_000)
    scripted.model.script = lambda request: Say(long)
    stream = events("POST", f"{scripted.stack.app_url}/chat/stream", body=_body("lazy"))
    turn = (await anext(stream)).data["workflow_instance_id"]
    began = time.monotonic()
    assert (await User(scripted.stack).finished(turn))["status"] == "answered"
    assert time.monotonic() - began < 10
    await stream.aclose()


async def test_a_queued_turn_says_so_and_then_streams(scripted: Scripted) -> None:
    """Who follows a turn that waits in its lane is told its place, and gets the tokens when it is its turn."""
    scripted.model.script = lambda request: Say(WORDS)
    scripted.model.hold(lambda request: request["messages"][-1]["content"] == "first")
    user = User(scripted.stack, "ada", "lane")
    await user.start("first")
    url = f"{scripted.stack.app_url}/chat/stream"
    following = asyncio.create_task(collect("POST", url, body=_body("lane", "second")))
    await poll_until(lambda: scripted.model.asked("first"), 10, "the first is asked")
    await asyncio.sleep(0.3)
    scripted.model.release()
    sent = await following
    places = [event.data.get("queue_position") for event in sent if event.data.get("state") == "queued"]
    assert places == [1]
    assert reply_of(sent) == WORDS


async def test_a_model_stream_that_breaks_off_is_begun_again(scripted: Scripted) -> None:
    """When the model's connection breaks in the middle the call is repeated, and the client ends with the reply."""
    cuts = iter([2])

    def once_cut(request: Request) -> Say:
        return Say("these words are lost", delay=0.05, cut=2) if next(cuts, None) else Say("another beginning")

    scripted.model.script = once_cut
    sent = await collect("POST", f"{scripted.stack.app_url}/chat/stream", body=_body("broken"))
    assert {"state": "restarted", "step": 1} in [event.data for event in sent]
    assert reply_of(sent) == "another beginning" == sent[-1].data["response"]
    assert len(scripted.model.requests) == 2


async def test_what_cannot_be_followed_is_a_problem(scripted: Scripted) -> None:
    """An unknown turn, another user's, and an id that is none of ours are ordinary problem answers."""
    user = User(scripted.stack, "ada", "unfollowed")
    turn = await user.start("Paris?")
    await user.finished(turn)
    for path, status in (
        ("/workflows/nobody-knows/stream", 404),
        (f"/workflows/{turn}/stream?user_id=mallory", 404),
        (f"/workflows/{turn}/stream?after=7", 422),
    ):
        answer = await user.call("GET", path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path


async def test_a_killed_app_in_mid_stream(killable: Scripted) -> None:
    """The app is killed between two tokens; the client comes back with its last id and ends with the stored reply."""
    stack, model = killable.stack, killable.model
    model.script = slowly
    part = await first(7, "POST", f"{stack.app_url}/chat/stream", body=_body("killed"))
    turn = part[0].data["workflow_instance_id"]
    await stack.kill("app")
    user = User(stack)
    await poll_until(user.ready, 20, "the app is back")
    rest = await collect("GET", f"{stack.app_url}/workflows/{turn}/stream", after=part[-1].id)
    stored = (await user.finished(turn))["response"]
    assert reply_of(part + rest) == stored == WORDS
    assert rest[-1].name == "message"


async def test_without_the_topic_everything_still_works(dapr_runtime: None, tmp_path: Path) -> None:
    """With no replicapubsub component at all, a turn is answered and followed as before."""
    copy_of_components(tmp_path / "components")
    (tmp_path / "components" / "replicapubsub.yaml").unlink()
    with ScriptedModel(slowly) as model:
        async with Stack(env=model.env, options=(f"--components={tmp_path / 'components'}",)) as stack:
            sent = await collect("POST", f"{stack.app_url}/chat/stream", body=_body("no topic"))
            assert reply_of(sent) == WORDS
            answer = await User(stack).call("POST", "/chat", json=_body("no topic", "again"))
            assert answer.json()["response"] == WORDS
