"""Who gets in, on a real stack: tokens of an identity provider, API keys, and the tokens of app and sidecar."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.integration.framework.http_client import http_client
from tests.integration.framework.identity import IdentityProvider
from tests.integration.framework.polling import poll_until
from tests.integration.framework.program import clean_env
from tests.integration.framework.stack import TRAVELBUDDY, Stack

from travelbuddy.access.api_keys import add_key, revoke_keys

pytestmark = pytest.mark.stores("sqlite", because="who may do what is decided before a store is asked")


class Guarded:
    """A stack with AUTH=jwt and tokens between app and sidecar, and the provider whose tokens it takes."""

    def __init__(self, stack: Stack, provider: IdentityProvider) -> None:
        self.stack = stack
        self.provider = provider

    async def call(self, user: str | None, method: str, path: str, **request: Any) -> httpx.Response:
        """A call of this user; None has no token."""
        headers = {**(self.provider.bearer(user) if user else {}), **request.pop("headers", {})}
        async with http_client(base_url=self.stack.app_url, timeout=30) as http:
            return await http.request(method, path, headers=headers, **request)


DAPR_TOKEN = "the-sidecars-token"  # noqa: S105


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded(dapr_runtime: None, kept_in: None) -> AsyncIterator[Guarded]:
    """One stack for the tests of this file that kill nothing."""
    with IdentityProvider() as provider:
        async with Stack(env={**provider.env, "DAPR_API_TOKEN": DAPR_TOKEN}) as stack:
            yield Guarded(stack, provider)


async def _conversation(guarded: Guarded, user: str, session: str) -> str:
    """One answered message of this user; returns its workflow id."""
    body = {"session_id": session, "message": f"I live in Lisbon, says {user}"}
    answer = await guarded.call(user, "POST", "/chat", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["metadata"]["workflow_instance_id"])


async def test_another_user_finds_nothing_of_yours_through_any_door(guarded: Guarded) -> None:
    """V6 with credentials: workflow, stream, session, history, profile and export of A are 404 for B."""
    turn = await _conversation(guarded, "ada", "adas-session")
    doors: list[tuple[str, str, Any]] = [
        ("GET", f"/workflows/{turn}", None),
        ("GET", f"/workflows/{turn}/stream", None),
        ("POST", f"/workflows/{turn}/pause", None),
        ("POST", f"/workflows/{turn}/resume", None),
        ("POST", f"/workflows/{turn}/cancel", None),
        ("GET", "/sessions/adas-session/history", None),
        ("DELETE", "/sessions/adas-session", None),
        ("GET", "/sessions?user_id=ada", None),
        ("GET", "/users/ada", None),
        ("PATCH", "/users/ada", {"home_airport": "OSL"}),
        ("GET", "/users/ada/export", None),
        ("DELETE", "/users/ada", None),
        ("POST", "/chat", {"session_id": "adas-session", "message": "what did we talk about?"}),
        ("POST", "/chat/stream", {"session_id": "adas-session", "message": "what did we talk about?"}),
        ("POST", "/start-workflow", {"session_id": "adas-session", "task": "what did we talk about?"}),
        ("POST", "/start-workflow", {"session_id": "dm-ada", "task": "hello"}),
        ("POST", "/start-workflow", {"session_id": "default-ada", "task": "hello"}),
    ]
    for method, path, body in doors:
        answer = await guarded.call("bob", method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
        assert "Lisbon" not in answer.text
    history = await guarded.call("ada", "GET", "/sessions/adas-session/history")
    assert len(history.json()["turns"]) == 1
    assert (await guarded.call("ada", "GET", "/users/ada")).status_code == 200


async def test_the_same_key_of_another_user_is_another_turn(guarded: Guarded) -> None:
    """An Idempotency-Key that A has used leads B neither to A's turn nor to its reply."""
    headers = {"Idempotency-Key": "same"}
    ids = []
    for user in ("ada", "bob"):
        task = {"task": f"hello from {user}"}
        answer = await guarded.call(user, "POST", "/start-workflow", json=task, headers=headers)
        assert answer.status_code == 202
        ids.append(answer.json()["workflow_instance_id"])
    assert ids[0] != ids[1]


async def test_what_is_no_valid_token_is_refused(guarded: Guarded) -> None:
    """Expired, for another audience, of another issuer, unsigned, changed, or nonsense: 401, and nothing told."""
    provider = guarded.provider
    good = provider.token("ada")
    head, payload, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "key-1"}).encode()).rstrip(b"=").decode()
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "bob"}).encode()).rstrip(b"=").decode()
    bad = {
        "expired": provider.token("ada", lifetime=-60),
        "audience": provider.token("ada", aud="elsewhere"),
        "issuer": provider.token("ada", iss="https://elsewhere.example"),
        "unsigned": f"{none}.{payload}.",
        "changed": f"{head}.{forged}.{signature}",
        "cut": f"{head}.{payload}",
        "nonsense": "nonsense",
    }
    for why, token in bad.items():
        for method, path in (("GET", "/sessions"), ("POST", "/chat"), ("GET", "/workflows/x/stream")):
            answer = await guarded.call(None, method, path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, (why, method, path)
            assert answer.json()["type"] == "urn:travelbuddy:problem:unauthenticated"
    ok = await guarded.call(None, "GET", "/sessions", headers={"Authorization": f"Bearer {good}"})
    assert ok.status_code == 200


async def test_messages_of_the_broker_come_through_the_sidecar_only(guarded: Guarded) -> None:
    """Published ones arrive, with the token that the sidecar shows; handed in past it they are 401."""
    event = {"id": "direct", "data": {"text": "I live in Lisbon", "sender": "mallory"}}
    assert (await guarded.call("mallory", "POST", "/messages/travelbuddy", json=event)).status_code == 401
    async with http_client() as http:
        published = await http.post(
            f"{guarded.stack.dapr_url}/v1.0/publish/messagepubsub/TravelBuddy",
            json={"text": "hello", "sender": "carol"},
            headers={"dapr-api-token": DAPR_TOKEN},
        )
        assert published.status_code == 204

    async def answered() -> bool:
        history = await guarded.call("carol", "GET", "/sessions/dm-carol/history")
        return [turn["outcome"] for turn in history.json()["turns"]] == ["answered"]

    await poll_until(answered, 20, "the published message is answered")
    assert (await guarded.call("mallory", "GET", "/sessions/dm-mallory/history")).status_code == 404


async def test_the_sidecar_wants_its_token(guarded: Guarded) -> None:
    """With DAPR_API_TOKEN set, state, workflows and topics are closed to whoever does not show it."""
    turn = await _conversation(guarded, "ada", "adas-other-session")
    async with http_client(base_url=guarded.stack.dapr_url) as http:
        for path in (f"/v1.0/workflows/durableTaskHub/{turn}", "/v1.0/state/conversationstore/session:adas-session"):
            assert (await http.get(path)).status_code == 401
            assert (await http.get(path, headers={"dapr-api-token": DAPR_TOKEN})).status_code in {200, 202}
        assert (await http.post("/v1.0/publish/messagepubsub/TravelBuddy", json={})).status_code == 401


async def test_everything_is_erased_over_guarded_connections(guarded: Guarded) -> None:
    """Erasing a user lists and purges workflows, which is a call of its own to the sidecar."""
    await _conversation(guarded, "dora", "doras-session")
    assert (await guarded.call("dora", "DELETE", "/users/dora")).status_code == 200
    assert (await guarded.call("dora", "GET", "/sessions")).json()["sessions"] == []
    assert (await guarded.call("dora", "GET", "/sessions/doras-session/history")).status_code == 404


async def test_tokens_survive_the_loss_of_app_and_sidecar() -> None:
    """Killed processes come back with the same tokens: what is published is delivered, and users get in."""
    with IdentityProvider() as provider:
        async with Stack(env=provider.env) as stack:
            guarded = Guarded(stack, provider)
            await stack.kill("daprd")
            await stack.kill("app")

            async def served() -> bool:
                body = {"session_id": "s", "message": "hello"}
                return (await guarded.call("ada", "POST", "/chat", json=body)).status_code == 200

            await poll_until(served, 30, "a message is answered after the kills")
            async with http_client() as http:
                url = f"{stack.dapr_url}/v1.0/publish/messagepubsub/TravelBuddy"
                await http.post(url, json={"text": "hello", "sender": "ada"})

            async def answered() -> bool:
                return (await guarded.call("ada", "GET", "/sessions/dm-ada/history")).status_code == 200

            await poll_until(answered, 20, "the published message is in its session")


async def test_api_keys_come_and_go_without_a_restart(tmp_path: Path) -> None:
    """A key works once it is in the file, and no longer once it is revoked; the command line takes one too."""
    file = tmp_path / "keys"
    ada = add_key(file, "ada")
    async with Stack(env={"AUTH": "api-key", "API_KEYS_FILE": str(file), "RATE_PER_ADDRESS": "40/minute"}) as stack:
        bob = add_key(file, "bob")
        async with http_client(base_url=stack.app_url) as http:
            for key in (ada, bob):
                assert (await http.get("/sessions", headers={"X-API-Key": key})).status_code == 200

            def at_the_terminal(*arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
                command = [TRAVELBUDDY, *arguments, "--url", stack.app_url]
                env = clean_env({"TRAVELBUDDY_TOKEN": token} if token else {})
                return subprocess.run(command, env=env, input="hello\n", capture_output=True, text=True, timeout=60)

            sent = await asyncio.to_thread(at_the_terminal, "send", "hello", "--json", token=ada)
            assert sent.returncode == 0, sent.stderr
            assert json.loads(sent.stdout)["user_id"] == "ada"
            talked = await asyncio.to_thread(at_the_terminal, "chat", token=ada)
            assert talked.returncode == 0, talked.stderr
            refused = await asyncio.to_thread(at_the_terminal, "chat")
            assert (refused.returncode, "--token" in refused.stderr) == (2, True)
            revoke_keys(file, "bob")
            assert (await http.get("/sessions", headers={"X-API-Key": bob})).status_code == 401
            assert (await http.get("/sessions")).status_code == 401
            answers = [await http.get("/sessions", headers={"X-API-Key": "guess"}) for _ in range(45)]
            assert answers[-1].status_code == 429
            assert int(answers[-1].headers["retry-after"]) >= 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"APP_HOST": "0.0.0.0"}, "--insecure"),  # noqa: S104
        ({"AUTH": "jwt"}, "JWT_JWKS_URL"),
        ({"AUTH": "api-key"}, "API_KEYS_FILE"),
        ({"AUTH": "password"}, "AUTH"),
    ],
)
@pytest.mark.parametrize("how", ["up", "serve"])
def test_unsafe_settings_are_refused_before_anything_starts(
    tmp_path: Path, env: dict[str, str], said: str, how: str
) -> None:
    """One line that names the setting, exit code 2, and no port was opened."""
    python = str(Path(TRAVELBUDDY).with_name("python"))
    command = [TRAVELBUDDY, "up", f"--data-dir={tmp_path}"] if how == "up" else [python, "-m", "travelbuddy"]
    began = time.monotonic()
    refused = subprocess.run(
        command,
        cwd=tmp_path,
        env=clean_env({"APP_PORT": str(_free_port()), **env}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert refused.returncode == 2, refused.stderr
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert time.monotonic() - began < 30
    assert not (tmp_path / "stack.json").exists()


async def test_insecure_is_taken_at_its_word() -> None:
    """With --insecure the app serves the address it was given, and everybody who reaches it."""
    async with Stack(env={"APP_HOST": "0.0.0.0"}, options=("--insecure",)) as stack, http_client() as http:  # noqa: S104
        answer = await http.get(f"{stack.app_url}/health", headers={"Host": "any.example"})
        assert answer.status_code == 200


async def test_a_workflow_access_policy_leaves_our_own_turns_alone(tmp_path: Path) -> None:
    """With deploy/access/workflowaccesspolicy.yaml loaded, a turn of a stack of one replica still runs."""
    import shutil

    from tests.integration.framework.stores import EMBEDDED

    resources = tmp_path / "components"
    shutil.copytree(EMBEDDED, resources)
    shutil.copy(EMBEDDED.parent / "deploy" / "access" / "workflowaccesspolicy.yaml", resources)
    async with Stack(options=(f"--components={resources}",)) as stack:
        async with http_client(base_url=stack.app_url, timeout=30) as http:
            answer = await http.post("/chat", json={"user_id": "ada", "session_id": "s", "message": "hello"})
            assert answer.status_code == 200
        log = (stack.data_dir / "logs" / "daprd.log").read_text(encoding="utf-8", errors="replace")
        assert "workflow access policy" in log
