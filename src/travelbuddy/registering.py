"""TravelBuddy in the registry of a team of dapr-agents, written with that package's own classes."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import httpx

from travelbuddy.errors import RuntimeProblem
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.tools import default_toolbox
from travelbuddy.workflow.team_payloads import AGENT, TEAM_WORKFLOW

DEFAULT_STORE = "agent-registry"
"""The name of the component in which dapr-agents looks for its registry by itself."""
ROLE = "Travel agent"
GOAL = "Find flights between any two places, compare them, and remember what each conversation was about"
INSTRUCTIONS = (
    "Ask in a whole sentence: from where, to where, when, how many passengers, and what matters.",
    "Ask again within the same run to narrow the search; the agent remembers what was said.",
)
INSTALL = 'dapr-agents is not installed; run: pip install "travelbuddy[agents]"'
TIMEOUT = 5.0


@dataclass(frozen=True)
class Registration:
    """Where the agent is entered, and the app that runs it."""

    store: str
    team: str
    app_id: str


@dataclass(frozen=True)
class SidecarAddress:
    """A sidecar that has the registry's store: ours, or any other app's of the team."""

    host: str
    http_port: int
    grpc_port: int
    token: str | None = None


def register(where: Registration, sidecar: SidecarAddress) -> None:
    """Enter the agent, or bring its entry up to date. Raises RuntimeProblem."""
    infra, metadata = _registry(where, sidecar), _metadata(where.app_id)
    infra.register_agentic_system(metadata=metadata)
    if AGENT not in infra.get_agents_metadata(exclude_self=False):
        raise RuntimeProblem(f"Other agents kept changing the registry of team {where.team!r}; run the command again.")


def remove(where: Registration, sidecar: SidecarAddress) -> None:
    """Take the agent out, if it is in. Raises RuntimeProblem."""
    infra = _registry(where, sidecar)
    infra.deregister_agentic_system()
    if AGENT in infra.get_agents_metadata(exclude_self=False):
        raise RuntimeProblem(f"{AGENT} could not be taken out of team {where.team!r}; run the command again.")


def _registry(where: Registration, sidecar: SidecarAddress) -> Any:
    """dapr-agents' own access to its registry, after a look that there is one."""
    if find_spec("dapr_agents") is None:
        raise RuntimeProblem(INSTALL)
    _check_store(where.store, sidecar)  # before the seconds that the import takes
    from dapr.clients import DaprClient
    from dapr.conf import settings as dapr
    from dapr_agents.agents.components import DaprInfra
    from dapr_agents.agents.configs import AgentRegistryConfig
    from dapr_agents.storage.daprstores.stateservice import StateStoreService

    logging.disable(logging.ERROR)  # what goes wrong is told in one line
    dapr.DAPR_RUNTIME_HOST, dapr.DAPR_HTTP_PORT = sidecar.host, sidecar.http_port
    dapr.DAPR_API_TOKEN = sidecar.token
    address = f"{sidecar.host}:{sidecar.grpc_port}"
    store = StateStoreService(store_name=where.store, client_factory=lambda: DaprClient(address))
    return DaprInfra(name=AGENT, registry=AgentRegistryConfig(store=store, team_name=where.team))


def _check_store(store: str, sidecar: SidecarAddress) -> None:
    from dapr.clients.http.client import DAPR_API_TOKEN_HEADER

    url = f"http://{sidecar.host}:{sidecar.http_port}/v1.0/metadata"
    headers = {DAPR_API_TOKEN_HEADER: sidecar.token} if sidecar.token else {}
    try:
        answer = httpx.get(url, headers=headers, timeout=TIMEOUT, trust_env=False)
        answer.raise_for_status()
        components = answer.json().get("components", [])
    except (httpx.HTTPError, ValueError) as away:
        raise RuntimeProblem(f"No Dapr sidecar answers at {url}: start the stack, or name its ports.") from away
    stores = sorted(one["name"] for one in components if str(one.get("type", "")).startswith("state."))
    if store not in stores:
        raise RuntimeProblem(
            f"--store: the sidecar has no state store {store!r}; it has: {', '.join(stores) or 'none'}."
        )


def _metadata(app_id: str) -> Any:
    """The agent as others see it; with its workflow's name, so that nobody has to guess it."""
    from dapr_agents.agents.configs import AgentMetadata, AgentMetadataSchema, ToolMetadata

    tools = [schema["function"] for schema in default_toolbox(SampleFlights()).schemas()]
    return AgentMetadataSchema(
        version=version("dapr-agents"),
        name=AGENT,
        registered_at=datetime.now(UTC).isoformat(),
        agent=AgentMetadata(
            appid=app_id,
            type="durable",
            orchestrator=False,
            role=ROLE,
            goal=GOAL,
            instructions=list(INSTRUCTIONS),
            framework="Dapr Agents",
            metadata={"workflow_name": TEAM_WORKFLOW},
        ),
        tools=[
            ToolMetadata(name=tool["name"], description=tool["description"], args=json.dumps(tool["parameters"]))
            for tool in tools
        ],
    )
