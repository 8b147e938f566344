"""The command line's view of a running service: send a message, follow it, print it."""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from travelbuddy.errors import RuntimeProblem

POLL = 0.2
UNFINISHED = frozenset({"queued", "pending", "running", "paused", "suspended"})

Answer = dict[str, Any]  # a JSON object of the service, shown as it came


class ServiceClient:
    """Calls the service; whatever goes wrong is a RuntimeProblem of one line."""

    def __init__(self, url: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
        """``token`` is the API key or token of the user, where the service asks for one."""
        self._url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False, transport=transport)

    def __enter__(self) -> ServiceClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def send(self, text: str, user: str | None, session: str | None) -> Answer:
        """Have a message accepted; the answer names its workflow instance."""
        body = {"task": text, "user_id": user, "session_id": session}
        given = {key: value for key, value in body.items() if value is not None}
        return self._call("POST", "/start-workflow", given)

    def status(self, instance_id: str) -> Answer:
        """Return the present state of a workflow instance."""
        return self._call("GET", f"/workflows/{quote(instance_id, safe='')}")

    def wait(self, instance_id: str) -> Answer:
        """Return the state of a workflow instance once it has ended."""
        while unfinished(answer := self.status(instance_id)):
            time.sleep(POLL)
        return answer

    def _call(self, method: str, path: str, body: Answer | None = None) -> Answer:
        try:
            response = self._http.request(method, path, json=body)
            answer = response.json()
        except httpx.InvalidURL as error:
            raise RuntimeProblem(f"{self._url} is not an address: {error}.") from error
        except httpx.HTTPError as error:
            raise RuntimeProblem(
                f"No TravelBuddy answers at {self._url} ({type(error).__name__}). "
                "Start one with `make run`, or name its address by --url."
            ) from error
        except ValueError as error:
            raise RuntimeProblem(f"What answers at {self._url} is no TravelBuddy.") from error
        if response.is_success and isinstance(answer, dict):
            return answer
        raise RuntimeProblem(_problem(response.status_code, answer))


def unfinished(answer: Answer) -> bool:
    """Return whether the instance still has something to do."""
    return str(answer.get("status", "")).lower() in UNFINISHED


def print_answer(answer: Answer, *, as_json: bool) -> None:
    """Print the reply, the error, or the id of a message that was not waited for."""
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    if answer.get("error"):
        raise RuntimeProblem(f"The message failed: {_text(answer['error'])}")
    print(_text(answer.get("response") or answer.get("workflow_instance_id")))


def print_status(answer: Answer, *, as_json: bool) -> None:
    """Print one state of a workflow instance."""
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        Console().print(_view(answer))


def watch_status(service: ServiceClient, instance_id: str) -> None:
    """Show a workflow instance until it has ended."""
    answer = service.status(instance_id)
    with Live(_view(answer), auto_refresh=False) as live:
        while unfinished(answer):
            time.sleep(POLL)
            answer = service.status(instance_id)
            live.update(_view(answer), refresh=True)


def _view(answer: Answer) -> Group:
    facts = Table(show_header=False, box=None)
    for key, value in answer.items():
        if key != "timeline" and value is not None:
            facts.add_row(key.replace("_", " "), Text(_text(value)))
    steps = [step for step in answer.get("timeline") or () if isinstance(step, dict)]
    if not steps:
        return Group(facts)
    columns = list(dict.fromkeys(key for step in steps for key in step))
    timeline = Table(*(column.replace("_", " ") for column in columns))
    for step in steps:
        timeline.add_row(*(Text(_text(step.get(column))) for column in columns))
    return Group(facts, timeline)


def _text(value: object) -> str:
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        return str(value["content"])  # a conversation message
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _problem(code: int, answer: object) -> str:
    """Turn a problem document into one line."""
    if isinstance(answer, dict):
        said = answer.get("detail") or answer.get("title")
        if said:
            return f"{_text(said)} (HTTP {code})"
    return f"The service answered HTTP {code}."
