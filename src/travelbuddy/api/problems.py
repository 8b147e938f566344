"""Every error as an RFC 9457 problem document with a stable type; never a stack trace."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from travelbuddy.errors import (
    AlreadyDecided,
    ApprovalExpired,
    BadCursor,
    CannotOpen,
    KeyReused,
    NotFound,
    NotOffered,
    NotYou,
    Overloaded,
    OwnedByAnother,
    SessionBusy,
    TooManyRequests,
    TooManyWatches,
    Transient,
    TravelBuddyError,
    TurnOver,
    TurnWithdrawn,
    Unauthenticated,
)
from travelbuddy.telemetry.tracing import ids

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_KNOWN: dict[type[TravelBuddyError], tuple[int, str]] = {
    Unauthenticated: (401, "unauthenticated"),
    NotYou: (403, "not-you"),
    BadCursor: (422, "invalid-request"),
    NotFound: (404, "not-found"),
    NotOffered: (404, "not-offered"),
    OwnedByAnother: (404, "session-not-yours"),
    SessionBusy: (409, "session-busy"),
    AlreadyDecided: (409, "already-decided"),
    ApprovalExpired: (409, "approval-expired"),
    TooManyWatches: (409, "too-many-watches"),
    TurnOver: (409, "turn-over"),
    TurnWithdrawn: (409, "session-erased"),
    CannotOpen: (503, "sealed"),
    KeyReused: (409, "idempotency-key-reused"),
    TooManyRequests: (429, "too-many-requests"),
    Overloaded: (503, "overloaded"),
    Transient: (503, "unavailable"),
}


_FLOODS = (Overloaded, TooManyRequests)
"""A flood of requests must not become one of log lines; it is counted."""


def problem(
    status: int,
    kind: str,
    detail: str,
    *,
    errors: Sequence[dict[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """A problem document. ``errors`` names fields: ``[{"field", "message"}]``."""
    body = _document(status, kind, detail)
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def problem_of(error: TravelBuddyError) -> tuple[dict[str, Any], int]:
    """The problem document of one of our errors, and its status."""
    status, kind = next((known for cls, known in _KNOWN.items() if isinstance(error, cls)), (500, "error"))
    return _document(status, kind, str(error)), status


def _document(status: int, kind: str, detail: str) -> dict[str, Any]:
    traced = {"trace_id": here["trace_id"]} if (here := ids()) else {}
    return {
        "type": f"urn:travelbuddy:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **traced,
    }


def field_errors(raw: Sequence[Any]) -> list[dict[str, str]]:
    """Pydantic's errors as ``{"field", "message"}``; the input itself is not repeated."""
    return [{"field": _field(error["loc"]), "message": _message(error)} for error in raw]


def summary(errors: Sequence[dict[str, str]]) -> str:
    """The errors as one sentence."""
    return "; ".join(f"{error['field']}: {error['message']}" for error in errors)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        raw = error.errors()
        if any(item["type"] == "json_invalid" for item in raw):
            return problem(400, "invalid-json", "The body is not valid JSON.")
        errors = field_errors(raw)
        return problem(422, "invalid-request", summary(errors), errors=errors)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase  # 413's differs between versions of Python
        kind = "body-too-large" if error.status_code == 413 else phrase.lower().replace(" ", "-")
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods(request))
        return problem(error.status_code, kind, str(error.detail), headers=headers)

    @app.exception_handler(TravelBuddyError)
    async def _ours(request: Request, error: TravelBuddyError) -> JSONResponse:
        body, status = problem_of(error)
        headers = None
        if isinstance(error, Unauthenticated):
            headers = {"WWW-Authenticate": 'Bearer realm="travelbuddy"'}
        if isinstance(error, Transient):
            if not isinstance(error, _FLOODS):
                log.warning("request.unavailable", path=request.url.path, reason=str(error))
            headers = {"Retry-After": str(max(1, round(error.retry_after or 1)))}
        return JSONResponse(body, status, headers, MEDIA_TYPE)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("request.broke_down", path=request.url.path, exc_info=error)
        return problem(500, "internal-error", "Something broke on our side; it has been logged.")


def _methods(request: Request) -> list[str]:
    """What this path may be asked; Starlette names the methods of the first of its routes only."""
    path = request.scope["path"]
    routes = [route for route in iter_route_contexts(request.app.routes) if route.methods]
    return sorted({method for route in routes if route.path_regex.match(path) for method in route.methods or ()})


def _field(loc: Sequence[int | str]) -> str:
    place = 1 if loc and loc[0] in {"body", "query", "path", "header"} else 0
    return ".".join(map(str, loc[place:])) or "body"


def _message(error: Any) -> str:
    if error["type"] in {"model_attributes_type", "dict_type"} and tuple(error["loc"]) == ("body",):
        return "send a JSON object with the header Content-Type: application/json"
    if error["type"] == "extra_forbidden":
        return "this field is not known; check its spelling"
    return str(error["msg"]).removeprefix("Value error, ")
