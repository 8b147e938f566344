"""Errors as problem documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from travelbuddy import errors
from travelbuddy.api.problems import field_errors, install_problem_handlers, summary
from travelbuddy.api.schemas import StartWorkflow

RAISED: dict[str, tuple[Exception, int, str]] = {
    "not-found": (errors.NotFound("no such turn"), 404, "not-found"),
    "owned": (errors.OwnedByAnother("not yours"), 404, "session-not-yours"),
    "busy": (errors.SessionBusy("busy"), 409, "session-busy"),
    "key": (errors.KeyReused("again"), 409, "idempotency-key-reused"),
    "store": (errors.StoreUnavailable("away", retry_after=3), 503, "unavailable"),
    "model": (errors.ModelUnavailable("away"), 503, "unavailable"),
    "other": (errors.ModelRefused("no"), 500, "error"),
    "bug": (ZeroDivisionError("secret detail"), 500, "internal-error"),
    "http": (HTTPException(403, "not here"), 403, "forbidden"),
}


class Body(BaseModel):
    """A body with a field of a name that is also a place."""

    model_config = ConfigDict(extra="forbid")
    query: int = 0
    parts: list[int] = Field(default_factory=list)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """An app that raises what its path says."""
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/raise/{name}")
    async def fail(name: str) -> None:
        raise RAISED[name][0]

    @app.post("/start")
    async def start(body: StartWorkflow, limit: int = Query(1, ge=1)) -> str:
        return body.task

    @app.post("/body")
    async def take(body: Body) -> int:
        return body.query

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client


def _problem(response: httpx.Response) -> dict[str, Any]:
    """The document, after what holds for every one of them."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert isinstance(body, dict)
    assert set(body) <= {"type", "title", "status", "detail", "errors"}
    assert body["status"] == response.status_code
    assert body["type"].startswith("urn:travelbuddy:problem:")
    assert body["title"]
    assert "Traceback" not in response.text
    return body


@pytest.mark.parametrize("name", list(RAISED))
async def test_every_error_has_its_document(http: httpx.AsyncClient, name: str) -> None:
    """Each branch of the error tree answers with its own status and stable type."""
    error, status, kind = RAISED[name]
    body = _problem(await http.get(f"/raise/{name}"))
    assert (body["status"], body["type"]) == (status, f"urn:travelbuddy:problem:{kind}")
    if name != "bug":
        assert body["detail"] == (error.detail if isinstance(error, HTTPException) else str(error))


async def test_a_bug_tells_nothing_of_the_inside(http: httpx.AsyncClient) -> None:
    """An unexpected exception's text stays in the log."""
    response = await http.get("/raise/bug")
    _problem(response)
    assert "secret" not in response.text
    assert "ZeroDivision" not in response.text


@pytest.mark.parametrize(("name", "seconds"), [("store", "3"), ("model", "1")])
async def test_what_passes_says_when_to_come_back(http: httpx.AsyncClient, name: str, seconds: str) -> None:
    """503 carries Retry-After, one second when nothing better is known."""
    assert (await http.get(f"/raise/{name}")).headers["retry-after"] == seconds


async def test_what_does_not_pass_names_no_time(http: httpx.AsyncClient) -> None:
    """Coming back does not help against a permanent error."""
    assert "retry-after" not in (await http.get("/raise/key")).headers


@pytest.mark.parametrize("path", ["/nowhere", "/raise/x/y"])
async def test_an_unknown_path_is_a_problem_too(http: httpx.AsyncClient, path: str) -> None:
    """The framework's own errors come in the same form."""
    assert _problem(await http.get(path))["type"].endswith(":not-found")


async def test_a_wrong_method_is_a_problem_too(http: httpx.AsyncClient) -> None:
    """405 keeps the header that names the methods there are."""
    response = await http.get("/start")
    assert _problem(response)["type"].endswith(":method-not-allowed")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("body", ["", "{", "{'task': 1}", '{"task": "x"', "\x00"])
async def test_a_body_that_is_not_json(http: httpx.AsyncClient, body: str) -> None:
    """Broken JSON is a client's error of its own type; no body at all is a missing one."""
    answer = _problem(await http.post("/start", content=body, headers={"Content-Type": "application/json"}))
    assert answer["status"] == (400 if body else 422)


@pytest.mark.parametrize("body", ["[" * 50_000, '{"task":' * 50_000, "9" * 10_000, '{"task":"\\ud800"}', "\xff"])
async def test_a_hostile_body_is_the_client_s_error(http: httpx.AsyncClient, body: str) -> None:
    """Deep nesting, endless numbers and half characters are answered with 4xx."""
    content = body.encode("latin-1")
    answer = _problem(await http.post("/start", content=content, headers={"Content-Type": "application/json"}))
    assert answer["status"] in {400, 422}


@pytest.mark.parametrize("body", ["[]", '"x"', "null", "17", "true"])
async def test_a_body_that_is_no_object(http: httpx.AsyncClient, body: str) -> None:
    """Other JSON than an object is refused, and the field is named ``body``."""
    answer = _problem(await http.post("/start", content=body, headers={"Content-Type": "application/json"}))
    assert answer["status"] == 422
    assert [error["field"] for error in answer["errors"]] == ["body"]


async def test_a_form_is_told_what_to_send(http: httpx.AsyncClient) -> None:
    """A body of another type is answered with what to send instead."""
    answer = _problem(await http.post("/start", content="task=x", headers={"Content-Type": "text/plain"}))
    assert "send a JSON object" in answer["detail"]


async def test_every_wrong_field_is_named(http: httpx.AsyncClient) -> None:
    """All errors at once, each under its field; the detail repeats them as one sentence."""
    answer = _problem(await http.post("/start?limit=0", json={"user_id": "a/b", "taks": "x"}))
    assert {error["field"] for error in answer["errors"]} == {"task", "user_id", "taks", "limit"}
    assert answer["detail"] == summary(answer["errors"])


async def test_a_field_may_be_called_like_a_place(http: httpx.AsyncClient) -> None:
    """Only the place a value was found in is left out of its name, not a field of the same name."""
    answer = _problem(await http.post("/body", json={"query": "x", "parts": [1, "x"], "path": 1}))
    assert {error["field"] for error in answer["errors"]} == {"query", "parts.1", "path"}


def test_the_input_is_not_repeated() -> None:
    """What a user typed does not come back in an error, nor does it reach a log that way."""
    with pytest.raises(ValidationError) as refused:
        StartWorkflow.model_validate({"task": "   ", "user_id": "very/secret", "if_busy": "hidden"})
    found = field_errors(refused.value.errors())
    assert {error["field"] for error in found} == {"task", "user_id", "if_busy"}
    assert {"field": "task", "message": "must not be empty"} in found
    assert "secret" not in summary(found)
    assert "hidden" not in summary(found)


@pytest.mark.parametrize("name", ["a", "ada", "Ada Lovelace", "ada@example.org", "日本", "x" * 128, "a:b-c_d.e"])
def test_ids_may_be_names(name: str) -> None:
    """People's names and addresses are ids, with blanks inside."""
    assert StartWorkflow(task="x", user_id=name, session_id=name).session(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", "a/b", "a|b", "a\\b", "a\nb", "a\x00", "a\x7f", "x" * 129, "a\n"]
)
def test_ids_that_would_collide_or_break_a_key_are_refused(name: str) -> None:
    """Separators of store keys, control characters and blanks at the ends are refused."""
    with pytest.raises(ValidationError):
        StartWorkflow(task="x", user_id=name)


def test_users_do_not_share_a_default_session() -> None:
    """Without a session, each user has one of their own, and the default user the default one."""
    sessions = [StartWorkflow(task="x").session(user) for user in ("default", "a", "b")]
    assert sessions == ["default", "default-a", "default-b"]
