"""Draw docs/images/first-visit.svg: the README's calls against a running `make run`, as they really answer.

make run &    then    .venv/bin/python scripts/first_visit.py
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

APP, DAPR = "http://localhost:8001", "http://localhost:3500/v1.0"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "first-visit.svg"
WIDTH = 104


def curl(*arguments: str) -> str:
    """The body that curl prints."""
    done = subprocess.run(["curl", "-s", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def main() -> None:
    """Make the calls, and write the picture."""
    console = Console(record=True, width=WIDTH, force_terminal=True)

    def show(command: str, answer: str) -> None:
        console.print(Text("$ ", style="green") + Text(command, style="bold"))
        console.print(Text(answer, style="grey70"))
        console.print()

    task = '{"task": "I want to find flights to Paris"}'
    started = json.loads(
        curl("-X", "POST", f"{APP}/start-workflow", "-H", "Content-Type: application/json", "-d", task)
    )
    show(
        f"curl -X POST {APP}/start-workflow -H 'Content-Type: application/json' \\\n    -d '{task}'",
        json.dumps(started),
    )
    workflow_id = started["workflow_instance_id"]
    time.sleep(2)
    state = json.loads(curl(f"{DAPR}/workflows/durableTaskHub/{workflow_id}"))
    output = json.loads(state["properties"]["dapr.workflow.output"])
    show(f"curl {DAPR}/workflows/durableTaskHub/{workflow_id}", f"{state['runtimeStatus']}\n{output['content']}")
    message = '{"data": {"text": "Find me flights to Paris", "sender": "user123"}}'
    curl(
        "-X", "POST", f"{DAPR}/publish/messagepubsub/TravelBuddy", "-H", "Content-Type: application/json", "-d", message
    )
    time.sleep(2)
    turn = json.loads(curl(f"{APP}/sessions/dm-user123/history?limit=1"))["turns"][-1]
    show(f"curl -X POST {DAPR}/publish/messagepubsub/TravelBuddy \\\n    -d '{message}'", "(accepted)")
    show(
        f"curl {APP}/sessions/dm-user123/history",
        f"{turn['outcome']}: {turn['messages'][-1]['content'].splitlines()[0]}",
    )
    picture = console.export_svg(title="TravelBuddy: the first visit")
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)  # nothing is to be loaded from elsewhere
    PICTURE.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
