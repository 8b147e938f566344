"""docker-compose.yml as it is, its containers as processes: the Dockerfile's image, networks, names, users, files."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.integration.framework.client import User
from tests.integration.framework.composed import Composed, services
from tests.integration.framework.events import collect, reply_of
from tests.integration.framework.http_client import http_client
from tests.integration.framework.image import ROOT, Build
from tests.integration.framework.invariants import check_turns
from tests.integration.framework.jail import need_jails
from tests.integration.framework.network import forward
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Say, ScriptedModel, last_user_message

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.stores("sqlite", because="the file says which store it is"),
]

MODEL_PORT = 9999
CLIENTS, CLIENTS_IN_GATE, MESSAGES = 8, 4, 16


@dataclass(frozen=True)
class Up:
    """What is running, and the model it asks."""

    stack: Composed
    model: ScriptedModel


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def up(dapr_runtime: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    """The image is built and everything of the file runs, for all tests here; the model is a script."""
    need_jails()
    folder = tmp_path_factory.mktemp("compose")
    image = Build(folder / "image").image
    secrets = {"openai_api_key": "from-a-file", "openai_model": "named-in-a-file"}
    stack = Composed(folder / "services", image, secrets)
    with stack.network.inside(), ScriptedModel() as model:
        gateway = stack.network.gateway("edge")
        stack.dotenv["OPENAI_BASE_URL"] = f"http://{gateway}:{MODEL_PORT}/v1"
        way = await forward(gateway, MODEL_PORT, ("127.0.0.1", int(re.findall(r":(\d+)/", model.url)[0])))
        async with stack.running():
            yield Up(stack, model)
        way.close()


@pytest.fixture
def composed(up: Up) -> Iterator[Up]:
    """The script and log as new before and after the test."""
    up.model.reset()
    yield up
    up.model.reset()


async def test_the_calls_of_the_readme(composed: Up) -> None:
    """The README's three curl commands, letter for letter, at the addresses that the file publishes."""
    start, status, publish = re.findall(r"^curl .*?[^\\]\n(?=\n|```)", _readme("# start a workflow"), re.M | re.S)[:3]
    started = json.loads((await _curl(start)).rpartition("\n\n")[2])

    async def completed() -> Any:
        answer = await _curl(status.replace("WORKFLOW_ID", started["workflow_instance_id"]))
        state = json.loads(answer.rpartition("\n\n")[2])
        return state if state["runtimeStatus"] == "COMPLETED" else None

    state = await poll_until(completed, 20, "Dapr says that the workflow is complete")
    assert "Flights to Paris" in json.loads(state["properties"]["dapr.workflow.output"])["content"]
    assert started["status_url"].startswith("http://localhost:8001/")
    assert await _curl(publish) == ""

    async def answered() -> Any:
        answer = await User(composed.stack).call("GET", "/sessions/dm-user123/history")
        return answer.json().get("turns", []) and answer.json()["turns"][0]["outcome"] == "answered"

    await poll_until(answered, 20, "the direct message is answered")


async def test_a_name_is_remembered_on_every_replica(composed: Up) -> None:
    """Told to one replica, it stands in the prompt of the next message on either, and on whichever nginx chooses."""
    composed.model.script = lambda request: Say(f"noted: {last_user_message(request)}")
    user = User(composed.stack, "ada", "memory")
    await user.chat("My name is Ada")
    for number, url in enumerate(await _replicas(composed.stack)):
        async with http_client(timeout=30) as http:
            body = {"message": f"Who am I, {number}?", **user.ids}
            assert (await http.post(f"{url}/chat", json=body, headers={"Host": "app-1"})).status_code == 200
    await user.chat("And now?")
    prompt = [m["content"] for m in composed.model.asked("And now?")[0]["messages"] if m["role"] == "user"]
    assert prompt == ["My name is Ada", "Who am I, 0?", "Who am I, 1?", "And now?"]


async def test_events_come_through_the_proxy_as_they_happen(composed: Up) -> None:
    """The first token of a reply is there long before the last one."""
    text = "one two three four five six seven eight"
    composed.model.script = lambda request: Say(text, delay=0.2)
    body = {"user_id": "ada", "session_id": "stream", "message": "go"}
    sent = await collect("POST", f"{composed.stack.app_url}/chat/stream", body=body)
    tokens = [event for event in sent if event.name == "token"]
    assert sent[-1].at - tokens[0].at > 0.8
    assert reply_of(sent) == text


async def test_the_page_comes_through_the_proxy(composed: Up) -> None:
    """The chat page and every file that it names, packed and under their own policy, from whichever replica."""
    async with http_client(base_url=composed.stack.app_url, timeout=10) as http:
        page = await http.get("/")
        files = re.findall(r'(?:href|src)="(/web/[^"]+)"', page.text)
        assert len(files) > 3
        for answer in (page, *[await http.get(file) for file in files]):
            assert answer.status_code == 200, answer.url
            assert "require-trusted-types-for" in answer.headers["Content-Security-Policy"]
        assert page.headers["Content-Encoding"] == "gzip"


async def test_a_secret_in_a_file_is_a_setting(composed: Up) -> None:
    """The model is the one whose name is in deploy/compose/secrets."""
    await User(composed.stack, "ada", "secrets").chat("hi")
    assert {request["model"] for request in composed.model.requests} == {"named-in-a-file"}


async def test_what_is_not_for_everybody_is_closed(composed: Up) -> None:
    """From outside there are no metrics, event route and model, and of Dapr's API two calls."""
    app, dapr = composed.stack.app_url, composed.stack.dapr_url
    replica = (await _replicas(composed.stack))[0]
    async with http_client(timeout=10) as http:
        assert (await http.get(f"{replica}/metrics", headers={"Host": "app-1"})).status_code == 200, "for the scraper"
        for path in ("/metrics", "//metrics", "/%6detrics", "/messages/travelbuddy", "/offline-model/v1/models"):
            answer = await http.get(f"{app}{path}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
        assert (await http.get(f"{app}/health", headers={"Host": "evil.example"})).status_code == 421
        for method, path, headers, status in [
            ("GET", "/v1.0/metadata", {}, 404),
            ("GET", "/v1.0/state/conversationstore/session:x", {}, 404),
            ("POST", "/v1.0/publish/messagepubsub/TravelBuddy.replies", {}, 404),
            ("POST", "/v1.0/workflows/dapr/x/terminate", {}, 404),
            ("POST", "/v1.0/workflows/dapr/x", {}, 403),
            ("POST", "/v1.0/publish/messagepubsub/TravelBuddy", {"Origin": "http://evil.example"}, 403),
            ("POST", "/v1.0/publish/messagepubsub/TravelBuddy", {"Host": "evil.example"}, 421),
        ]:
            assert (await http.request(method, f"{dapr}{path}", headers=headers)).status_code == status, (method, path)


async def test_who_can_reach_whom(composed: Up) -> None:
    """The sidecars' API is there for its app and for nginx, Redis for the sidecars, and only with the password."""
    stack = composed.stack
    assert await _open(stack.address("pod-1", "edge"), 3500)
    assert not await _open(stack.address("pod-1", "back"), 3500), "Redis and the control plane need not ask it"
    assert not await _open(stack.address("pod-1", "sight"), 3500), "nor whoever watches"
    assert await _open(stack.address("pod-1", "sight"), 9090), "its metrics"
    reader, writer = await asyncio.open_connection(stack.address("redis", "back"), 6379)
    writer.write(b"GET x\r\n")
    assert (await reader.readline()).startswith(b"-NOAUTH")
    writer.close()
    for name in ("redis", "daprd-1", "app-1"):
        process = Path("/proc") / str(stack.pid(name))
        told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        assert stack.password.encode() not in told, name


async def test_the_sidecars_send_their_traces_where_the_apps_do(composed: Up) -> None:
    """Every request is one trace, so both halves of it must come together."""
    tracing = composed.stack.configuration["spec"]["tracing"]
    receiver = services()["app-1"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert (tracing["samplingRate"], f"http://{tracing['otel']['endpointAddress']}") == ("1", receiver)


async def test_a_replica_dies_under_load_and_no_request_fails(composed: Up, full_size: bool) -> None:
    """App and sidecar of a replica killed at a blow, then of the other: no request fails, each message is one turn."""
    composed.model.script = lambda request: Say(f"re: {last_user_message(request)}", delay=0.1)
    load = _Load(composed.stack, CLIENTS if full_size else CLIENTS_IN_GATE)
    messages = load.clients * MESSAGES
    running = asyncio.create_task(load.run())
    for replica, sent in (("1", messages // 4), ("2", messages // 2)):
        await poll_until(lambda n=sent: load.done >= n, 60, f"{sent} are answered")  # type: ignore[misc]
        assert not running.done(), "killed under load"
        composed.stack.kill(f"app-{replica}", f"daprd-{replica}")
        await composed.stack.healthy(f"app-{replica}")
        met = set(load.open)  # some found the dead one first, and have nowhere to go if the other dies as well

        async def over(those: set[int] = met) -> bool:
            return not those & load.open

        await poll_until(over, 60, "the requests that met this kill are over")
    await running
    print(f"{load.requests} requests for {messages} messages, two kills")
    assert load.failed == []
    user = User(composed.stack)
    for session, sent_texts in load.sent.items():
        turns = await user.history(session)
        check_turns(turns, sent_texts, composed.model.requests)
        assert [t["messages"][-1]["content"] for t in turns] == [f"re: {text}" for text in sent_texts]


@dataclass
class _Load:
    """Clients that send each message once, with a key; half of them wait for the reply in the same request."""

    stack: Composed
    clients: int
    sent: dict[str, list[str]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    done: int = 0
    """Messages with their answer."""
    requests: int = 0
    open: set[int] = field(default_factory=set)
    """Requests without an answer yet."""

    async def run(self) -> None:
        """All of it, each client in a session of its own."""
        async with http_client(base_url=self.stack.app_url, timeout=60) as http:
            await asyncio.gather(*(self._talk(http, number) for number in range(self.clients)))

    async def _talk(self, http: httpx.AsyncClient, number: int) -> None:
        ids = {"user_id": f"user {number}", "session_id": f"load {number}"}
        for count in range(MESSAGES):
            text = f"{number}: {count}"
            self.sent.setdefault(ids["session_id"], []).append(text)
            path, body = ("/chat", {"message": text}) if number % 2 else ("/start-workflow", {"task": text})
            key = {"Idempotency-Key": f"key {text}"}
            answer = await self._request(http, "POST", path, json={**body, **ids}, headers=key)
            if answer.status_code == 202:
                await poll_until(lambda where=answer.headers["location"]: self._over(http, where), 60, "it is over")  # type: ignore[misc]
            self.done += 1

    async def _over(self, http: httpx.AsyncClient, where: str) -> bool:
        return bool((await self._request(http, "GET", where)).json().get("status") == "answered")

    async def _request(self, http: httpx.AsyncClient, method: str, path: str, **options: Any) -> httpx.Response:
        self.requests += 1
        number = self.requests
        self.open.add(number)
        try:
            answer = await http.request(method, path, **options)
        except httpx.TransportError as error:
            answer = httpx.Response(599, text=repr(error))
        self.open.remove(number)
        if answer.status_code not in (200, 202):
            self.failed.append(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer


async def _replicas(stack: Composed) -> list[str]:
    return [f"http://{stack.address(f'pod-{number}', 'edge')}:8001" for number in (1, 2)]


async def _open(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 2)
    except OSError:
        return False
    writer.close()
    return True


async def _curl(command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command.replace("curl ", "curl -s ", 1), stdout=subprocess.PIPE, env={"PATH": "/usr/bin:/bin"}
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    return said.decode().replace("\r", "")


def _readme(heading: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text[text.index(heading) :]
