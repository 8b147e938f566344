"""LangGraph with its Postgres checkpointer: the prebuilt agent, and a thread for each session.

A turn runs where it was asked for: when the program dies, what was done so far is kept, but nobody goes on with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from door import INSTRUCTIONS, OFFERS, Chat, serve
from fastapi import FastAPI
from langchain.agents import create_agent
from langchain.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

CONNECTIONS = 20


async def search_flights(origin: str, destination: str) -> str:
    """Search flights between two airports, given by their IATA codes."""
    return json.dumps(OFFERS)


class Agent:
    """The compiled graph, for as long as its connections are open."""

    def __init__(self) -> None:
        self._graph: Any = None

    @asynccontextmanager
    async def open(self, _: FastAPI) -> AsyncIterator[None]:
        """Connect, make the checkpointer's tables, and compile the graph."""
        async with AsyncConnectionPool[AsyncConnection[DictRow]](
            os.environ["DATABASE_URL"],
            max_size=CONNECTIONS,
            kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        ) as pool:
            checkpointer = AsyncPostgresSaver(pool)
            await checkpointer.setup()
            self._graph = create_agent(
                ChatOpenAI(model=os.environ["OPENAI_MODEL"]),
                tools=[search_flights],
                system_prompt=INSTRUCTIONS,
                checkpointer=checkpointer,
            )
            yield

    async def answer(self, chat: Chat) -> str:
        """Run the graph on the session's thread."""
        state = await self._graph.ainvoke(
            {"messages": [HumanMessage(chat.message)]},
            {"configurable": {"thread_id": chat.session_id}},
        )
        return str(state["messages"][-1].content)


if __name__ == "__main__":
    agent = Agent()
    serve(agent.answer, agent.open)
