"""DBOS on Postgres: the turn is a workflow, everything it does to the world a step.

A workflow that was cut short is started again by the next launch and goes on behind its last step. A conversation is
the rows of a table. Nothing orders the turns of one session: two at once run beside each other.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS
from door import INSTRUCTIONS, OFFERS, Chat, serve
from fastapi import FastAPI
from openai import AsyncOpenAI, pydantic_function_tool
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

Message = dict[str, Any]

CONNECTIONS = 20
TABLE = """
CREATE TABLE IF NOT EXISTS turns (number bigserial, workflow_id text PRIMARY KEY, session_id text, messages jsonb);
CREATE INDEX IF NOT EXISTS turns_of_session ON turns (session_id, number);
"""

model = AsyncOpenAI()
pool = AsyncConnectionPool(os.environ["DATABASE_URL"], max_size=CONNECTIONS, open=False)


class SearchFlights(BaseModel):
    """Search flights between two airports, given by their IATA codes."""

    origin: str
    destination: str


TOOLS = [pydantic_function_tool(SearchFlights, name="search_flights")]


@DBOS.step()
async def read_memory(session_id: str) -> list[Message]:
    """Return what was said in the session's earlier turns."""
    async with pool.connection() as connection:
        rows = await connection.execute(
            "SELECT messages FROM turns WHERE session_id = %s ORDER BY number", [session_id]
        )
        return [message for (messages,) in await rows.fetchall() for message in messages]


@DBOS.step()
async def write_memory(workflow_id: str, session_id: str, messages: list[Message]) -> None:
    """Keep what this turn added; a second attempt of the step changes nothing."""
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO turns (workflow_id, session_id, messages) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [workflow_id, session_id, Jsonb(messages)],
        )


@DBOS.step()
async def call_model(messages: list[Message]) -> Message:
    """Return the model's next message."""
    prompt: Any = [{"role": "system", "content": INSTRUCTIONS}, *messages]
    completion = await model.chat.completions.create(model=os.environ["OPENAI_MODEL"], messages=prompt, tools=TOOLS)
    return completion.choices[0].message.model_dump(exclude_none=True)


@DBOS.step()
async def search_flights(search: Message) -> str:
    """Answer a call of the tool."""
    SearchFlights.model_validate(search)
    return json.dumps(OFFERS)


@DBOS.workflow()
async def turn(session_id: str, text: str) -> str:
    """Answer one message."""
    memory = await read_memory(session_id)
    added: list[Message] = [{"role": "user", "content": text}]
    while True:
        message = await call_model(memory + added)
        added.append(message)
        if not message.get("tool_calls"):
            await write_memory(str(DBOS.workflow_id), session_id, added)
            return str(message["content"])
        for call in message["tool_calls"]:
            found = await search_flights(json.loads(call["function"]["arguments"]))
            added.append({"role": "tool", "tool_call_id": call["id"], "content": found})


@asynccontextmanager
async def open_all(_: FastAPI) -> AsyncIterator[None]:
    """Connect, and launch DBOS on the server's event loop, where recovered workflows will run too."""
    async with pool:
        async with pool.connection() as connection:
            await connection.execute(TABLE)
        DBOS.launch()
        yield
        DBOS.destroy()


async def answer(chat: Chat) -> str:
    """Run a workflow and await its result."""
    return await turn(chat.session_id, chat.message)


if __name__ == "__main__":
    DBOS(config={"name": "travelbuddy", "system_database_url": os.environ["DATABASE_URL"], "log_level": "WARNING"})
    serve(answer, open_all)
