"""A model whose script holds the faults: a real HTTP server of the chat-completions protocol that logs each request."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Request = dict[str, Any]


@dataclass(frozen=True)
class Say:
    """Answer with text, ``delay`` seconds between its words when it is streamed; ``cut`` after so many of them."""

    text: str
    delay: float = 0
    cut: int | None = None


@dataclass(frozen=True)
class Call:
    """Answer with tool calls, each a name and its arguments (a mapping, or raw text); ``ids`` as a server may say."""

    calls: tuple[tuple[str, Mapping[str, Any] | str], ...]
    ids: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Fail:
    """Answer with an HTTP error, or with a body that is no completion (``status=200``)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = '{"error": {"message": "scripted failure", "type": "server_error"}}'


Answer = Say | Call | Fail
Script = Callable[[Request], Answer]


def one_search(request: Request) -> Answer:
    """The default script: search Paris for each user message, then say what was asked and found."""
    if request["messages"][-1]["role"] == "user":
        return Call((("search_flights", {"destination": "Paris"}),))
    asked = [m["content"] for m in request["messages"] if m["role"] == "user"][-1]
    return Say(f"Flights to Paris for: {asked}")


class ScriptedModel:
    """Start it, point ``OPENAI_BASE_URL`` at ``url``, read ``requests``. A closed ``gate`` holds answers back."""

    def __init__(self, script: Script = one_search) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.traces: list[str | None] = []
        """Each request's ``traceparent``."""
        self.hung_up = 0
        """How often a client went away in the middle of an answer."""
        self.gate = threading.Event()
        self.gate.set()
        self.holds: Callable[[Request], bool] = lambda _request: True
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL for the openai client."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def env(self) -> dict[str, str]:
        """The settings that make the service use this model."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": "scripted", "OPENAI_MODEL": "scripted-1"}

    def __enter__(self) -> ScriptedModel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def hold(self, when: Callable[[Request], bool]) -> None:
        """Close the gate for requests of this kind; they are logged on arrival and answered after ``release``."""
        self.holds = when
        self.gate.clear()

    def reset(self) -> None:
        """The default script, an empty log, an open gate."""
        self.script, self.requests, self.traces, self.hung_up = one_search, [], [], 0
        self.release()

    def release(self) -> None:
        """Open the gate."""
        self.gate.set()

    def asked(self, text: str) -> list[Request]:
        """The logged requests whose last user message is ``text``."""
        return [r for r in self.requests if last_user_message(r) == text]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Handler", (_Handler,), {"model": self})


class _Handler(BaseHTTPRequestHandler):
    """Answers each request as the model's script says."""

    model: ScriptedModel
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.model.requests.append(request)
        self.model.traces.append(self.headers.get("traceparent"))
        if self.model.holds(request):
            self.model.gate.wait(60)
        answer = self.model.script(request)
        try:
            if isinstance(answer, Fail):
                self._send(answer.body, answer.status, answer.headers)
            elif request.get("stream"):
                self._stream(answer, request)
            else:
                self._send(json.dumps(completion(answer, request)), 200, {})
        except OSError:  # the client was killed meanwhile, or went away
            self.model.hung_up += 1
            self.close_connection = True

    def _send(self, body: str, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        data = body.encode()
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, answer: Say | Call, request: Request) -> None:
        """Answer with server-sent chunks; a cut one ends the connection in the middle."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        delay, cut = (answer.delay, answer.cut) if isinstance(answer, Say) else (0, None)
        for number, event in enumerate(chunks(answer, request)):
            if number == cut:
                self.close_connection = True
                return
            data = f"data: {event}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            if delay:
                time.sleep(delay)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        return


def last_user_message(request: Request) -> str:
    """The message this request is about, as far as it is one paragraph."""
    last = str([m["content"] for m in request["messages"] if m["role"] == "user"][-1])
    return last.rpartition("\n\n")[2]  # what was not answered before is joined with it


def completion(answer: Say | Call, request: Request) -> dict[str, Any]:
    """The chat-completion object of an answer."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text if isinstance(answer, Say) else None}
    if isinstance(answer, Call):
        message["tool_calls"] = [
            {
                "id": answer.ids[i] if answer.ids else f"call_{time.monotonic_ns()}_{i}",
                "type": "function",
                "function": {"name": name, "arguments": args if isinstance(args, str) else json.dumps(args)},
            }
            for i, (name, args) in enumerate(answer.calls)
        ]
    return {
        "id": f"chatcmpl-{time.monotonic_ns()}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if isinstance(answer, Call) else "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def chunks(answer: Say | Call, request: Request) -> list[str]:
    """The same answer as the data of a stream's events: one for each word or tool call, the end, the usage."""
    whole = completion(answer, request)
    choice = whole["choices"][0]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"content": word} for word in re.findall(r"\s*\S+|\s+", message["content"] or "")]
    deltas += [{"tool_calls": [{"index": i, **call}]} for i, call in enumerate(message.get("tool_calls", []))]
    head = {"id": whole["id"], "object": "chat.completion.chunk", "created": whole["created"], "model": whole["model"]}
    events = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    events.append({**head, "choices": [], "usage": whole["usage"]})
    return [*map(json.dumps, events), "[DONE]"]
