"""SIGTERM under load: whoever was let in gets a whole answer, nothing is lost, and the process is soon gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
from tests.integration.framework.client import User
from tests.integration.framework.events import Sent, collect, events, reply_of
from tests.integration.framework.http_client import http_client
from tests.integration.framework.invariants import check_turns
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Request, Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack

CLIENTS, CLIENTS_IN_GATE = 60, 12
DRAINING = {"DRAIN_SECONDS": "15"}
LONGEST = 20.0
"""Seconds within which a process that is told to stop has ended."""
_ASKING = """
import sys, time, urllib.error, urllib.request
told = None
while told != "nobody listens":
    try:
        told = urllib.request.urlopen(sys.argv[1], timeout=1).read().decode()
    except urllib.error.HTTPError as refusal:
        told = refusal.read().decode()
    except urllib.error.URLError as error:
        told = "nobody listens" if isinstance(error.reason, ConnectionRefusedError) else repr(error)
    except OSError as error:
        told = repr(error)
    print(told, flush=True)
    time.sleep(0.05)
"""
"""Asks a URL again and again, and prints what it is told; a process of its own, as the crowd keeps this one busy."""
LEFT_IN_ORDER = "ended with exit code 0"


def _after_a_second(request: Request) -> Say:
    time.sleep(1)
    return Say(f"re: {last_user_message(request)}")


async def test_no_client_notices_that_a_replica_is_stopped(full_size: bool) -> None:
    """60 clients (12 in the gate) at work on two replicas, one of which gets SIGTERM: no request is broken off.

    A request that comes on a connection in the moment in which it is closed gets no answer; then nothing of it was
    accepted. The replica says at once that it is not ready, and why; it ends with exit code 0 within 20 s.
    """
    with ScriptedModel(_after_a_second) as model:
        async with Stack(env={**model.env, **DRAINING}, options=("--replicas=2",)) as stack:
            crowd = _Crowd(stack, clients := CLIENTS if full_size else CLIENTS_IN_GATE)
            async with crowd.at_work():
                await poll_until(lambda: crowd.answered >= clients, 60, "everybody has had an answer")
                await poll_until(lambda: crowd.waiting >= clients * 5 // 6, 20, "most have a request under way")
                async with _asked_all_the_time(f"{stack.replica_url(1)}/ready") as heard:
                    told_at, before = time.monotonic(), crowd.answered
                    await _terminated(stack, "app-1")
                    took = time.monotonic() - told_at
                assert any("draining" in answer for answer in heard), heard
                await poll_until(lambda: crowd.answered >= before + 3 * clients, 60, "everybody goes on")
            print(f"ended after {took:.1f} s; {crowd.told()}")
            assert took < LONGEST
            assert not crowd.broken
            assert len(crowd.unanswered) <= clients // 10
            user = User(stack)
            for session, sent in crowd.accepted.items():
                await poll_until(partial(_stored, user, session, len(sent)), 30, "all turns are over")
                check_turns(await user.history(session), sent, model.requests)


async def test_who_waits_longer_than_a_drain_is_told_where_to_go_on() -> None:
    """With a model that hangs, POST /chat ends with 202 and a stream with its place; both turns are answered later."""
    with ScriptedModel(lambda request: Say("one two three")) as model:
        async with Stack(env={**model.env, "DRAIN_SECONDS": "3"}) as stack:
            user, model_waits = User(stack, "ada", "patient"), 2
            await user.ask("before")
            asked = len(model.requests)
            model.hold(lambda request: True)
            chat = asyncio.create_task(user.call("POST", "/chat", json={"message": "first", **user.ids}))
            body = {"user_id": "ada", "session_id": "patient too", "message": "second"}
            stream = asyncio.create_task(collect("POST", f"{stack.app_url}/chat/stream", body=body))
            await poll_until(lambda: len(model.requests) == asked + model_waits, 10, "both ask the model")
            told_at = time.monotonic()
            await _terminated(stack, "app")
            assert 3 <= time.monotonic() - told_at < LONGEST
            answer, sent = await chat, await stream
            assert answer.status_code == 202, answer.text
            assert answer.headers["Location"] == answer.json()["status_url"]
            last = sent[-1]
            assert (last.name, last.data["state"]) == ("status", "resume")
            model.release()
            await poll_until(user.ready, 20, "the service is back")
            view = await user.finished(answer.json()["workflow_instance_id"])
            assert (view["status"], view["response"]) == ("answered", "one two three")
            rest = await collect("GET", f"{stack.app_url}{last.data['resume_url']}", after=last.id)
            assert rest[-1].name == "message"
            assert reply_of(sent + rest) == rest[-1].data["response"] == "one two three"
            for session, text in (("patient", "first"), ("patient too", "second")):
                turns = await user.history(session)
                assert [t["messages"][0]["content"] for t in turns][-1] == text
                assert [t["messages"][0]["content"] for t in turns].count(text) == 1


async def test_a_whole_stack_answers_before_it_stops() -> None:
    """`travelbuddy up` with two replicas behind their proxy, told to stop: whoever waits is answered first; code 0."""
    with ScriptedModel(_after_a_second) as model:
        async with Stack(env={**model.env, **DRAINING}, options=("--replicas=2",)) as stack:
            users = [User(stack, "ada", f"last words {number}") for number in range(20)]
            chats = [asyncio.create_task(user.chat("hello")) for user in users]
            await poll_until(lambda: len(model.requests) >= 15, 20, "most ask the model")
            told_at = time.monotonic()
            assert await stack.stop() == 0
            assert time.monotonic() - told_at < LONGEST
            assert [(await chat)["response"] for chat in chats] == ["re: hello"] * len(users)


async def _terminated(stack: Stack, name: str) -> None:
    """Send SIGTERM to a part, and wait until it has ended in order."""
    pid = stack.pid(name)
    os.kill(pid, signal.SIGTERM)
    await poll_until(lambda: stack.processes().get(name) != pid, LONGEST + 5, f"{name} has ended")
    await poll_until(lambda: LEFT_IN_ORDER in stack.printed(), 5, "the supervisor has told how it ended")


@asynccontextmanager
async def _asked_all_the_time(url: str) -> AsyncIterator[list[str]]:
    """What somebody hears who asks ``url`` all the time until nobody listens; whole once the block is left."""
    heard: list[str] = []
    command = (sys.executable, "-c", _ASKING, url)
    asking = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert asking.stdout
        heard.append((await asking.stdout.readline()).decode())
        yield heard
        async with asyncio.timeout(10):
            heard += (await asking.stdout.read()).decode().splitlines()
    finally:
        with contextlib.suppress(ProcessLookupError):
            asking.kill()
        await asking.wait()


async def _stored(user: User, session: str, count: int) -> bool:
    return len(await user.history(session)) >= count


class _Crowd:
    """Clients that talk without end, each in a session of its own: a third over each of chat, stream and workflow."""

    def __init__(self, stack: Stack, clients: int) -> None:
        self.stack = stack
        self.clients = clients
        self.accepted: dict[str, list[str]] = {}
        """What was accepted, by session."""
        self.broken: list[str] = []
        """Requests whose answer was not whole."""
        self.unanswered: list[str] = []
        """Requests that met a closing connection; `check_turns` sees it if one of them was accepted."""
        self.answered = self.waiting = self.refused = self.resumed = self.handed = 0
        self._waits: dict[str, tuple[float, str]] = {}
        self._urls = [stack.app_url, stack.replica_url(1), stack.replica_url(2)]
        self._chance = random.Random(3)
        self._home = asyncio.Event()
        self._http = http_client(timeout=60, limits=httpx.Limits(max_connections=None))

    def told(self) -> str:
        """What happened, in a line."""
        sent = sum(map(len, self.accepted.values()))
        told = f"{sent} accepted, {self.refused} refused, {self.resumed} resumed, {self.handed} answered with 202"
        return f"{told}, {len(self.unanswered)} without an answer"

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Everybody talks; at the end each finishes what was begun."""
        doors = [self._chat, self._stream, self._start]
        people = [asyncio.create_task(self._talk(f"s{n}", doors[n % len(doors)])) for n in range(self.clients)]
        try:
            yield
        except BaseException:
            print(await self._who_waits())
            raise
        finally:
            self._home.set()
            await asyncio.gather(*people)
            await self._http.aclose()

    async def _who_waits(self) -> str:
        """For whom nothing happens, since when, and how the service says that their turns stand."""
        told = [self.told()]
        for session, (since, what) in sorted(self._waits.items(), key=lambda one: one[1]):
            line = f"{time.monotonic() - since:5.1f} s {what}"
            with contextlib.suppress(httpx.HTTPError):
                history = await self._http.get(f"{self._urls[0]}/sessions/{session}/history?limit=1", timeout=2)
                for turn in history.json().get("open", []):
                    view = await self._http.get(f"{self._urls[0]}/workflows/{turn['workflow_instance_id']}", timeout=2)
                    line += f" | {turn['workflow_instance_id']} {view.status_code} {view.json().get('progress')}"
            told.append(line)
        return "\n".join(told)

    async def _talk(self, session: str, door: Any) -> None:
        self.accepted[session] = []
        number = 0
        while not self._home.is_set():
            number += 1
            text = f"{session}: {number}"
            self.waiting += 1
            url = self._chance.choice(self._urls)
            self._waits[session] = time.monotonic(), f"{door.__name__} {text} at {url}"
            try:
                if await door(url, session, text):
                    self.accepted[session].append(text)
                    self.answered += 1
                else:
                    self.refused += 1
            except httpx.ConnectError:  # nobody listens: nothing was sent
                self.refused += 1
                await asyncio.sleep(0.2)
            except httpx.TransportError as error:
                self.unanswered.append(f"{door.__name__} {text}: {error!r}")
            except (AssertionError, json.JSONDecodeError) as error:
                self.broken.append(f"{door.__name__} {text}: {error!r}")
            finally:
                self.waiting -= 1
                del self._waits[session]

    async def _chat(self, url: str, session: str, text: str) -> bool:
        body = {"user_id": "crowd", "session_id": session, "message": text}
        answer = await self._http.post(f"{url}/chat", json=body)
        if _refused(answer):
            return False
        if answer.status_code == 202:
            self.handed += 1
            await self._over(answer.json()["workflow_instance_id"])
        else:
            assert (answer.status_code, answer.json()["response"]) == (200, f"re: {text}"), answer.text
        return True

    async def _start(self, url: str, session: str, text: str) -> bool:
        body = {"user_id": "crowd", "session_id": session, "task": text}
        answer = await self._http.post(f"{url}/start-workflow", json=body)
        if _refused(answer):
            return False
        assert answer.status_code == 202, answer.text
        await self._over(answer.json()["workflow_instance_id"])
        return True

    async def _stream(self, url: str, session: str, text: str) -> bool:
        body = {"user_id": "crowd", "session_id": session, "message": text}
        sent: list[Sent] = []
        try:
            async for event in events("POST", f"{url}/chat/stream", body=body, http=self._http):
                sent.append(event)  # noqa: PERF401  what came before a break counts
        except AssertionError:  # it did not begin
            return False
        except httpx.TransportError as error:
            if sent:
                raise AssertionError("broken off in its middle") from error
            raise
        while sent[-1].data.get("state") == "resume":
            self.resumed += 1
            place = f"{self.stack.app_url}{sent[-1].data['resume_url']}"
            sent += [event async for event in events("GET", place, after=sent[-1].id, http=self._http)]
        assert sent[-1].name == "message", sent[-1]
        assert reply_of(sent) == sent[-1].data["response"] == f"re: {text}"
        return True

    async def _over(self, turn: str) -> None:
        async def ended() -> bool:
            answer = await self._http.get(f"{self.stack.app_url}/workflows/{turn}")
            return answer.status_code == 200 and bool(answer.json()["status"] == "answered")

        await poll_until(ended, 60, f"{turn} is answered")


def _refused(answer: httpx.Response) -> bool:
    """Nothing was accepted, and the client is told when to come back."""
    return answer.status_code == 503 and "Retry-After" in answer.headers
