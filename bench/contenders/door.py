"""What every contender shares: the same door, the same flights. Each contender is a program of its own.

``POST /chat`` takes ``{"user_id", "session_id", "message"}`` and answers ``{"response"}`` when the turn is done;
``GET /ready`` answers 200 once it can be used. The environment says where things are: APP_PORT, OPENAI_BASE_URL,
OPENAI_API_KEY, OPENAI_MODEL, DATABASE_URL.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

INSTRUCTIONS = "You are TravelBuddy, a travel assistant. Find flights with your tool; never make one up."
OFFERS = [
    {"airline": "SkyHighAir", "departs": "08:00", "price": "89 USD"},
    {"airline": "GlobalWings", "departs": "12:00", "price": "112 USD"},
]


class Chat(BaseModel):
    """A message."""

    user_id: str
    session_id: str
    message: str


Answer = Callable[[Chat], Awaitable[str]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def serve(answer: Answer, lifespan: Lifespan | None = None) -> None:
    """Serve ``answer`` until told to stop."""
    app = FastAPI(lifespan=lifespan)

    @app.post("/chat")
    async def chat(body: Chat) -> dict[str, str]:
        return {"response": await answer(body)}

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["APP_PORT"]), log_level="warning")
