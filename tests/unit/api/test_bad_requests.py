"""What is refused reaches neither store nor engine, as an app in memory shows: a problem that names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.api.test_service_in_memory import Service, service

__all__ = ["service"]

HUGE = "x" * 1_000_000
BODY = {"user_id": "ada", "session_id": "chat-bad", "message": "Flights to Paris"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"task": 5}, "task"),
        ({"task": ""}, "task"),
        ({"task": " \n\t"}, "task"),
        ({"task": HUGE}, "task"),
        ({"task": "\ud83d"}, "task"),
        ({}, "task"),
        ({"task": "hi", "user_id": ["a"]}, "user_id"),
        ({"task": "hi", "session_id": "../../etc"}, "session_id"),
        ({"task": "hi", "session_id": "a||b"}, "session_id"),
        ({"task": "hi", "sesion_id": "typo"}, "sesion_id"),
        ({"task": "hi", "if_busy": "explode"}, "if_busy"),
        ([1, 2], "body"),
        ("text", "body"),
    ],
)
async def test_start_workflow_names_the_bad_field(service: Service, body: Any, field: str) -> None:
    """A bad body is answered with 422 problem+json that names the field, without a trace of our code."""
    headers = {"Content-Type": "application/json"}
    answer = await service.http.post("/start-workflow", content=json.dumps(body), headers=headers)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:travelbuddy:problem:invalid-request"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "Traceback" not in answer.text
    assert len(answer.text) < 2_000


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/workflows/unknown", 404),
        ("/workflows/bad!id", 422),
        ("/sessions/unknown/history", 404),
        ("/sessions/default/history?limit=0", 422),
        ("/sessions/default/history?limit=many", 422),
        ("/nowhere", 404),
    ],
)
async def test_unknown_and_malformed_ids_are_problems(service: Service, path: str, status: int) -> None:
    """An unknown id is 404 and a malformed one 422, both as problem+json."""
    answer = await service.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "change",
    [
        {"expertise_level": "guru"},
        {"preferred_style": "baroque"},
        {"home_airport": "Nowhereville"},
        {"cabin": "cargo"},
        {"timezone": "Europe/Nowhere"},
        {"last_seen": "today"},
        {"total_interactions": 7},
        {"a b": "x"},
        {"nested": {"x": 1}},
        {"language": ""},
        {"language": "two\nlines"},
        {"note": "x" * 300},
    ],
)
async def test_a_bad_preference_is_named_and_changes_nothing(service: Service, change: dict[str, Any]) -> None:
    """A bad value is a 422 problem that names the field, and the good ones beside it are not set either."""
    answer = await service.http.patch("/users/careful", json={"name": "Ada", **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [*change]
    assert (await service.get("/users/careful")).json()["preferences"] == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"message": ""}, "message"),
        ({"user_id": None}, "user_id"),
        ({"session_id": "a/b"}, "session_id"),
        ({"context": "deals"}, "context"),
        ({"context": {"x": "y" * 9000}}, "context"),
        ({"if_busy": "wait"}, "if_busy"),
        ({"mesage": "x"}, "mesage"),
    ],
)
@pytest.mark.parametrize("path", ["/chat", "/chat/stream"])
async def test_bad_input_names_the_field(service: Service, path: str, change: dict[str, Any], field: str) -> None:
    """A bad request is a 422 problem that names the field, before anything is accepted or streamed."""
    answer = await service.http.post(path, json=BODY | change)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert not service.engine.instances
