"""Who is measured: each contender's program, and what it needs around it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PROGRAMS = Path(__file__).parent / "contenders"
THEIR_PYTHON = str(PROGRAMS / ".venv" / "bin" / "python")

Around = Literal["dapr", "postgres", "restate"]


@dataclass(frozen=True)
class Contender:
    """One way to build the agent. ``asks`` is False for the one without a model; a ``slow`` one is spared some load."""

    name: str
    title: str
    around: Around
    command: tuple[str, ...]
    asks: bool = True
    slow: bool = False
    remark: str = ""


def _theirs(file: str) -> tuple[str, ...]:
    return (THEIR_PYTHON, str(PROGRAMS / file))


OURS = Contender("travelbuddy", "TravelBuddy", "dapr", (sys.executable, "-m", "travelbuddy"))
BARE = Contender(
    "bare",
    "bare Dapr workflow",
    "dapr",
    _theirs("bare_dapr.py"),
    asks=False,
    remark="three activities that do nothing: no model, no tool, no memory",
)
STOCK = Contender(
    "stock",
    "dapr-agents",
    "dapr",
    _theirs("stock_dapr_agents.py"),
    slow=True,
    remark="memory is written and never read back; a third model call writes a summary",
)
LANGGRAPH = Contender("langgraph", "LangGraph + Postgres", "postgres", _theirs("langgraph_postgres.py"))
DBOS = Contender("dbos", "DBOS + Postgres", "postgres", _theirs("dbos_postgres.py"))
RESTATE = Contender("restate", "Restate", "restate", _theirs("restate_objects.py"))

EVERYBODY = (OURS, BARE, STOCK, LANGGRAPH, DBOS, RESTATE)
QUICK = (OURS, BARE, STOCK, LANGGRAPH)
