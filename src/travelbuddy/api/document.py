"""The OpenAPI document: what routes may answer beside what they are for, and what depends on the settings."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from travelbuddy.api.problems import MEDIA_TYPE
from travelbuddy.settings import Settings

Responses = dict[int | str, dict[str, Any]]


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457). ``type`` is stable; ``detail`` is for people."""

    type: str = Field(pattern="^urn:travelbuddy:problem:[a-z-]+$")
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default=[], description="the fields, where some are wrong")


_WAIT = {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "seconds"}}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}},
    429: _WAIT,
    503: _WAIT,
}
_MEANING = {
    400: "The body is not JSON.",
    401: "No credential, or one that is not accepted.",
    403: "The request names another user than its credential.",
    404: "It is not there, or not yours.",
    409: "It does not fit what is going on; `type` says how.",
    413: "The body is too large.",
    421: "The service does not answer by this host name.",
    422: "A field is wrong; `errors` names it.",
    429: "Too many requests of this user or address.",
    503: "Something is down or overloaded; nothing was accepted.",
}
ANYWHERE = (421, 422, 429, 503)
"""What every guarded route may answer."""
BODY = (400, 413)
"""What every route that reads a body may answer as well."""


def problems(*statuses: int) -> Responses:
    """These errors as the ``responses`` of a route."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _MEANING[status], "content": content} | _headers(status) for status in statuses}


def accepted_answer(meaning: str = "Accepted; `Location` is where its turn is seen.") -> dict[str, Any]:
    """The answer 202, with the addresses of what was accepted."""
    return {
        "description": meaning,
        "headers": {"Location": {"required": True, "schema": {"type": "string", "format": "uri"}}},
        "links": links("/workflow_instance_id"),
    }


def links(turn: str) -> dict[str, Any]:
    """From an answer to its turn, whose id is at this JSON pointer, and to its session."""
    parameters = {"instance_id": f"$response.body#{turn}"}
    operations = ("get_workflow", "stream_workflow", "pause_workflow", "resume_workflow", "cancel_workflow")
    session = {"operationId": "get_history", "parameters": {"session_id": "$response.body#/session_id"}}
    return {**{name: {"operationId": name, "parameters": parameters} for name in operations}, "get_history": session}


def complete_document(app: FastAPI, settings: Settings) -> None:
    """Add to the document what FastAPI does not know."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document["components"]["schemas"]
        for model in (Problem, FieldProblem):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schema.pop("$defs", None)
            schemas[model.__name__] = schema
        if settings.auth == "none":
            _require_user_id(schemas["ChatRequest"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _require_user_id(chat: dict[str, Any]) -> None:
    """No credential names the user, so the request must."""
    if "user_id" not in chat["required"]:
        chat["required"].insert(0, "user_id")
        chat["properties"]["user_id"] = chat["properties"]["user_id"]["anyOf"][0]


def _headers(status: int) -> dict[str, Any]:
    return {"headers": _HEADERS[status]} if status in _HEADERS else {}
