"""The agent with dapr-agents, as its quickstarts write it: a DurableAgent with a tool, memory, registry and topic."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dapr_agents import DurableAgent, OpenAIChatClient, tool
from dapr_agents.agents.configs import AgentMemoryConfig, AgentPubSubConfig, AgentRegistryConfig, AgentStateConfig
from dapr_agents.memory import ConversationDaprStateMemory
from dapr_agents.storage.daprstores.stateservice import StateStoreService
from dapr_agents.workflow.runners import AgentRunner
from door import INSTRUCTIONS, OFFERS, Chat, serve
from fastapi import FastAPI

STORE = "conversationstore"


@tool
def search_flights(origin: str, destination: str) -> str:
    """Search flights between two cities or airports."""
    return json.dumps(OFFERS)


agent = DurableAgent(
    name="TravelBuddy",
    role="Travel assistant",
    instructions=[INSTRUCTIONS],
    tools=[search_flights],
    llm=OpenAIChatClient(),
    memory=AgentMemoryConfig(store=ConversationDaprStateMemory(store_name=STORE, session_id="bench")),
    state=AgentStateConfig(store=StateStoreService(store_name=STORE)),
    registry=AgentRegistryConfig(store=StateStoreService(store_name=STORE)),
    pubsub=AgentPubSubConfig(pubsub_name="messagepubsub"),
)
runner = AgentRunner()


async def answer(chat: Chat) -> str:
    """Run the agent's workflow and wait for its end."""
    reply = await runner.run(agent, {"task": chat.message}, wait=True, timeout_in_seconds=120)
    if reply is None:
        raise RuntimeError("the agent gave no reply")
    return reply


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Run the agent's workflow worker."""
    agent.start()
    yield
    agent.stop()


if __name__ == "__main__":
    serve(answer, lifespan)
