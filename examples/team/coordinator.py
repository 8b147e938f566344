"""An agent of dapr-agents that has TravelBuddy in its team: it finds it in the registry and calls it as a tool.

Needs `travelbuddy register` once, and OPENAI_API_KEY. Then: POST /agent/run with {"task": "…"}.
"""

from __future__ import annotations

import os

from dapr_agents import DurableAgent, OpenAIChatClient
from dapr_agents.workflow.runners import AgentRunner

coordinator = DurableAgent(
    name="Coordinator",
    role="Trip coordinator",
    goal="Plan a whole journey",
    instructions=["Leave everything about flights to TravelBuddy, in one sentence with all that matters."],
    llm=OpenAIChatClient(),
)

if __name__ == "__main__":
    # dapr-agents 1.0.9 looks into the registry once per run. A process that takes over a run that another one began
    # would not know the agents found then, and fail it; so each process looks before it takes any.
    coordinator.load_tools(None)
    AgentRunner().serve(coordinator, host="127.0.0.1", port=int(os.environ.get("APP_PORT", "8002")))
