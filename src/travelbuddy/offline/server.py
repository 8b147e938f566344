"""The offline model's HTTP side: an app to mount, which answers the way OpenAI's API does."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from travelbuddy.offline.dialogue import respond
from travelbuddy.offline.wire import MODEL, Answer, ChatRequest, count_prompt_tokens


def create_offline_app(key: str | None = None) -> FastAPI:
    """An app with ``POST /v1/chat/completions`` and ``GET /v1/models``; it keeps nothing between requests.

    Any model name is accepted, and without a ``key`` any ``Authorization``; answers always name ``offline-travel-1``.
    """

    async def check(authorization: Annotated[str, Header()] = "") -> None:
        if key is not None and not hmac.compare_digest(authorization.encode(), f"Bearer {key}".encode()):
            raise HTTPException(401, "Incorrect API key provided.")

    title = "TravelBuddy offline model"
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(check)])
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_problem)

    @app.get("/v1/models")
    async def models() -> dict[str, object]:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "travelbuddy"}
        return {"object": "list", "data": [model]}

    @app.post("/v1/chat/completions", response_model=None)
    async def chat_completions(request: ChatRequest) -> JSONResponse | StreamingResponse:
        answer = _answer(request)
        if not request.stream:
            return JSONResponse(answer.whole())
        include_usage = bool(request.stream_options and request.stream_options.include_usage)
        return StreamingResponse(_events(answer, include_usage), media_type="text/event-stream")

    return app


def _answer(request: ChatRequest) -> Answer:
    parallel = request.parallel_tool_calls is not False
    reply = respond(request.conversation(), request.usable_tools(), parallel=parallel)
    return Answer(
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
        reply=reply,
        call_ids=tuple(f"call_{uuid.uuid4().hex[:24]}" for _ in reply.calls),
        prompt_tokens=count_prompt_tokens(request),
    )


def _events(answer: Answer, include_usage: bool) -> Iterator[str]:
    for chunk in answer.chunks(include_usage):
        yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
    yield "data: [DONE]\n\n"


async def _invalid_request(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, RequestValidationError)  # noqa: S101 - registered for this class alone
    first = problem.errors()[0]
    where = [str(part) for part in first["loc"][1:]]
    if first["type"] == "json_invalid":
        return _error(400, "The body is not valid JSON.", None, "invalid_json")
    param = ".".join(where) or None
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_type"
    return _error(400, f"{param or 'body'}: {first['msg']}", param, code)


async def _http_problem(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, HTTPException)  # noqa: S101 - registered for this class alone
    return _error(problem.status_code, str(problem.detail), None, None)


def _error(status: int, message: str, param: str | None, code: str | None) -> JSONResponse:
    body = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": body}, status_code=status)
