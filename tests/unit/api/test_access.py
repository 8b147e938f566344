"""What stands before every route: the checks as the app has them, and what browsers are told."""

from __future__ import annotations

import pytest
from tests.unit.api.test_service_in_memory import Service

from travelbuddy.access.callers import Caller
from travelbuddy.access.gate import Gate
from travelbuddy.api.checks import route_checks
from travelbuddy.errors import Unauthenticated

OPEN = {"/health", "/ready", "/metrics", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}
OPEN |= {"/", "/web/{file:path}"}
"""What answers without a credential: it tells nothing of anybody."""


class Names:
    """Whose key it is, is the key itself."""

    async def caller(self, credential: str | None) -> Caller:
        """See Authenticator."""
        if not credential:
            raise Unauthenticated("send a key")
        return Caller(credential)


@pytest.fixture
def guarded() -> Service:
    """A service that asks who is calling, and knows its sidecar."""
    return Service(gate=Gate(Names(), None, "sidecar-token"), auth="jwt")


def _as(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {user}"}


def test_only_what_tells_nothing_is_open(guarded: Service) -> None:
    """Every route has a check, but for a list that is written down here as well."""
    assert {path for _, path, check in route_checks(guarded.app) if check == "none"} == OPEN


async def test_every_guarded_route_wants_a_credential(guarded: Service) -> None:
    """Without one the answer is 401, whatever else is wrong with the request, and it says how to send one."""
    rows = [row for row in route_checks(guarded.app) if row[2] == "user"]
    assert len(rows) > 12
    for method, path, _ in rows:
        answer = await guarded.http.request(method, path.replace("{", "").replace("}", ""))
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:travelbuddy:problem:unauthenticated"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_about_says_who_is_calling_to_whom_it_is(guarded: Service) -> None:
    """Anybody may ask what this is; whose the credential is, its holder alone; a wrong one is refused."""
    about = (await guarded.http.get("/about")).json()
    assert (about["name"], about["auth"], about["user_id"], about["flights"]) == ("TravelBuddy", "jwt", None, "sample")
    assert (await guarded.http.get("/about", headers=_as("ada"))).json() == {**about, "user_id": "ada"}
    for headers in ({"Authorization": "Bearer "}, {"X-API-Key": ""}):
        assert (await guarded.http.get("/about", headers=headers)).status_code == 401


async def test_about_names_the_default_user_where_nobody_is_asked() -> None:
    """Without AUTH a client that says no user is user ``default``; the model is the one that answers."""
    service = Service()
    about = (await service.http.get("/about")).json()
    assert (about["auth"], about["user_id"]) == ("none", "default")
    assert (about["offline"], about["model"]) == (True, "offline-travel-1")
    await service.http.aclose()


async def test_only_the_sidecar_hands_in_events(guarded: Service) -> None:
    """A route of the sidecar takes its token and nothing else, not even a user's credential."""
    rows = [row for row in route_checks(guarded.app) if row[2] == "sidecar"]
    assert rows
    event = {"id": "e1", "data": {"text": "hello", "sender": "ada"}}
    for method, path, _ in rows:
        for headers in ({}, _as("ada"), {"dapr-api-token": "wrong"}, {"dapr-api-token": ""}):
            assert (await guarded.http.request(method, path, json=event, headers=headers)).status_code == 401
    accepted = await guarded.http.post("/messages/travelbuddy", json=event, headers={"dapr-api-token": "sidecar-token"})
    assert accepted.json() == {"status": "SUCCESS"}


async def test_another_user_finds_nothing(guarded: Service) -> None:
    """Each thing of one user is 404 for another, through every route, with and without their name in the request."""
    started = await guarded.http.post("/start-workflow", json={"task": "hi", "session_id": "s"}, headers=_as("ada"))
    turn = started.json()["workflow_instance_id"]
    await guarded.run_turns()
    tries = [
        ("GET", f"/workflows/{turn}"),
        ("GET", f"/workflows/{turn}/stream"),
        ("POST", f"/workflows/{turn}/pause"),
        ("POST", f"/workflows/{turn}/resume"),
        ("POST", f"/workflows/{turn}/cancel"),
        ("GET", "/sessions/s/history"),
        ("PATCH", "/sessions/s"),
        ("DELETE", "/sessions/s"),
        ("GET", "/users/ada"),
        ("PATCH", "/users/ada"),
        ("DELETE", "/users/ada"),
        ("GET", "/users/ada/export"),
    ]
    for method, path in tries:
        for query in ({}, {"user_id": "ada"}):
            answer = await guarded.http.request(method, path, params=query, json={"title": None}, headers=_as("bob"))
            assert answer.status_code == 404, (method, path, query, answer.text)
            assert "hi" not in answer.text.split()
    assert (await guarded.http.get("/sessions", headers=_as("bob"))).json()["sessions"] == []
    assert (await guarded.http.get("/sessions?user_id=ada", headers=_as("bob"))).status_code == 404
    history = await guarded.http.get("/sessions/s/history", headers=_as("ada"))
    assert [turn["outcome"] for turn in history.json()["turns"]] == ["answered"]


async def test_another_user_says_nothing_in_your_name(guarded: Service) -> None:
    """A body that names another user is 403, and another's session 404; nothing is accepted."""
    body = {"session_id": "s", "message": "hi"}
    named = await guarded.http.post("/chat/stream", json={**body, "user_id": "ada"}, headers=_as("bob"))
    assert (named.status_code, named.json()["type"]) == (403, "urn:travelbuddy:problem:not-you")
    await guarded.http.post("/start-workflow", json={"task": "hi", "session_id": "s"}, headers=_as("ada"))
    for session in ("s", "dm-ada", "default-ada"):
        stolen = await guarded.http.post("/chat/stream", json={**body, "session_id": session}, headers=_as("bob"))
        assert stolen.status_code == 404, session
    assert len(guarded.engine.instances) == 1


async def test_a_credential_stands_for_the_user_id(guarded: Service) -> None:
    """With a credential the body needs no user, and the default session is the user's own."""
    started = await guarded.http.post("/start-workflow", json={"task": "hi"}, headers=_as("ada"))
    assert started.json()["session_id"] == "default-ada"
    by_key = await guarded.http.get("/sessions", headers={"X-API-Key": "ada"})
    assert [session["session_id"] for session in by_key.json()["sessions"]] == ["default-ada"]


async def test_without_credentials_a_chat_says_whose_it_is() -> None:
    """AUTH=none: the field is required, in the document as in the answer."""
    service = Service()
    refused = await service.http.post("/chat", json={"session_id": "s", "message": "hi"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "user_id"
    for auth, needed in (("none", True), ("jwt", False)):
        document = (await Service(auth=auth).http.get("/openapi.json")).json()
        assert ("user_id" in document["components"]["schemas"]["ChatRequest"]["required"]) is needed


async def test_every_answer_is_marked(guarded: Service) -> None:
    """Pages of others may neither frame, sniff nor read what we answer, errors included."""
    for path in ("/health", "/nothing", "/sessions", "/openapi.json"):
        headers = (await guarded.http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers


async def test_other_origins_are_let_in_by_name() -> None:
    """CORS is closed until an origin is listed, and then open for that one."""
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    closed = await Service().http.options("/chat", headers=asked)
    assert "access-control-allow-origin" not in closed.headers
    service = Service(cors_origins="https://page.example, https://two.example")
    opened = await service.http.options("/chat", headers=asked)
    assert opened.headers["access-control-allow-origin"] == "https://page.example"
    other = await service.http.options("/chat", headers={**asked, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8001", 200),
        ("127.0.0.1", 200),
        ("[::1]:8001", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
async def test_on_loopback_only_its_own_names_are_answered(host: str, status: int) -> None:
    """A page that points its own name to this machine gets nothing (DNS rebinding)."""
    answer = await Service().http.get("/health", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        assert answer.json()["type"] == "urn:travelbuddy:problem:unknown-host"
        assert "ALLOWED_HOSTS" in answer.json()["detail"]


async def test_more_names_can_be_allowed() -> None:
    """ALLOWED_HOSTS adds names; with AUTH any name is answered unless it is set."""
    named = Service(allowed_hosts="travel.example")
    assert (await named.http.get("/health", headers={"Host": "travel.example"})).status_code == 200
    assert (await Service(auth="jwt").http.get("/health", headers={"Host": "any.example"})).status_code == 200


async def test_too_many_requests_are_told_to_wait() -> None:
    """429 with Retry-After, as a problem document."""
    from travelbuddy.access.rates import Rates

    service = Service(gate=Gate(Names(), Rates("2/hour", "off")), auth="jwt")
    answers = [await service.http.get("/sessions", headers=_as("ada")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["type"] == "urn:travelbuddy:problem:too-many-requests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 3600
