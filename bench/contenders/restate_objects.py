"""Restate: a session is a virtual object, whose state holds the conversation and whose turns run one after the other.

Restate calls the handler here and keeps what each ``ctx.run`` gave, so a turn cut short goes on behind its last one.
Hypercorn serves the handler, as in Restate's templates: over HTTP/2 a turn is one stream in both directions.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx
import restate
from door import INSTRUCTIONS, OFFERS, Chat, serve
from fastapi import FastAPI
from hypercorn.asyncio import serve as serve_http2
from hypercorn.config import Config
from openai import AsyncOpenAI, pydantic_function_tool
from pydantic import BaseModel
from restate.server import install_shutdown_hook

Message = dict[str, Any]

# Restate finds the handler again at the same address after a restart.
HANDLER_PORT = int(os.environ.get("RESTATE_HANDLER_PORT") or int(os.environ["APP_PORT"]) + 1)
UNLIMITED = 2**31 - 1  # what Restate's documentation has Hypercorn's production configuration say

model = AsyncOpenAI()
ingress = httpx.AsyncClient(base_url=os.environ["RESTATE_INGRESS_URL"], timeout=120, limits=httpx.Limits())
session = restate.VirtualObject("Session")


class SearchFlights(BaseModel):
    """Search flights between two airports, given by their IATA codes."""

    origin: str
    destination: str


TOOLS = [pydantic_function_tool(SearchFlights, name="search_flights")]


async def call_model(messages: list[Message]) -> Message:
    """Return the model's next message."""
    prompt: Any = [{"role": "system", "content": INSTRUCTIONS}, *messages]
    completion = await model.chat.completions.create(model=os.environ["OPENAI_MODEL"], messages=prompt, tools=TOOLS)
    return completion.choices[0].message.model_dump(exclude_none=True)


async def search_flights(search: Message) -> str:
    """Answer a call of the tool."""
    SearchFlights.model_validate(search)
    return json.dumps(OFFERS)


@session.handler()
async def turn(ctx: restate.ObjectContext, text: str) -> str:
    """Answer one message."""
    messages: list[Message] = await ctx.get("messages") or []
    messages.append({"role": "user", "content": text})
    while True:
        message = await ctx.run_typed("call_model", call_model, messages=messages)
        messages.append(message)
        if not message.get("tool_calls"):
            ctx.set("messages", messages)
            return str(message["content"])
        for call in message["tool_calls"]:
            search = json.loads(call["function"]["arguments"])
            found = await ctx.run_typed("search_flights", search_flights, search=search)
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": found})


@asynccontextmanager
async def open_all(_: FastAPI) -> AsyncIterator[None]:
    """Serve the handler and tell Restate where it is."""
    config = Config()
    config.bind, config.loglevel = [f"127.0.0.1:{HANDLER_PORT}"], "ERROR"
    config.h2_max_concurrent_streams = config.keep_alive_max_requests = config.keep_alive_timeout = UNLIMITED
    # The SDK takes SIGTERM for itself when its first request comes; without this the door would not hear of it.
    install_shutdown_hook(asyncio.get_running_loop(), lambda: signal.raise_signal(signal.SIGINT))
    stop = asyncio.Event()
    server = asyncio.create_task(serve_http2(restate.app([session]), config, shutdown_trigger=stop.wait))
    async with ingress, httpx.AsyncClient(base_url=os.environ["RESTATE_ADMIN_URL"], timeout=30) as admin:
        deployment = {"uri": f"http://127.0.0.1:{HANDLER_PORT}"}
        (await admin.post("/deployments", json=deployment)).raise_for_status()
        yield
        stop.set()
        await server


async def answer(chat: Chat) -> str:
    """Call the session's handler through Restate and await its reply."""
    response = await ingress.post(f"/Session/{quote(chat.session_id, safe='')}/turn", json=chat.message)
    return str(response.raise_for_status().json())


if __name__ == "__main__":
    serve(answer, open_all)
