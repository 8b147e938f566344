"""A running service as the command line sees it: one method for each thing it is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from travelbuddy.errors import RuntimeProblem
from travelbuddy.terminal.sse import Event, EventParser
from travelbuddy.terminal.texts import one_line
from travelbuddy.terminal.turn import OPEN, PASSING

POLL = 0.2
PATIENCE = 120.0
"""Seconds without any contact after which commands that nobody sits in front of give up."""
TRIES = 3
"""How often a message is handed in when the connection breaks in the middle; its key makes it one message."""
SILENCE = 45.0
"""Seconds without a byte after which a stream is taken for lost; the service sends a comment every 15."""
UNFINISHED = OPEN | {"pending", "suspended"}

Answer = dict[str, Any]  # a JSON object of the service, shown as it came


class Broken(RuntimeProblem):
    """The connection failed or broke, or the service asks to come again: worth another try, ``after`` seconds later."""

    def __init__(self, message: str, after: float | None = None, *, sent: bool = True) -> None:
        super().__init__(message)
        self.after = after
        self.sent = sent
        """False when nothing of the request can have reached the service."""


class ServiceClient:
    """Calls the service; whatever goes wrong is a RuntimeProblem of one line."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = 30,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``token`` is the API key or token of the user, where the service asks for one."""
        self.url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, trust_env=False, transport=transport)

    def __enter__(self) -> ServiceClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def about(self) -> Answer:
        """What the service is, and who asks it."""
        return self._find("GET", "/about") or {}  # a service of before this call

    def send(self, text: str, user: str | None, session: str | None) -> Answer:
        """Have a message accepted; the answer names its workflow instance."""
        body = _given(task=text, user_id=user, session_id=session)
        key = {"Idempotency-Key": str(uuid4())}
        for _ in range(TRIES - 1):
            try:
                return self._call("POST", "/start-workflow", body, headers=key)
            except Broken as problem:
                if not problem.sent or problem.after is not None:  # nobody is there, or nobody has time
                    raise
        return self._call("POST", "/start-workflow", body, headers=key)

    def status(self, instance_id: str) -> Answer:
        """Return the present state of a workflow instance."""
        return self._call("GET", f"/workflows/{_part(instance_id)}")

    def wait(self, instance_id: str) -> Answer:
        """Return the state of a workflow instance once it has ended; a service that is away meanwhile is waited for."""
        heard = time.monotonic()
        while True:
            try:
                if not unfinished(answer := self.status(instance_id)):
                    return answer
                heard = time.monotonic()
            except Broken:
                if time.monotonic() - heard > PATIENCE:
                    raise
            time.sleep(POLL)

    def cancel(self, instance_id: str) -> Answer:
        """End a workflow instance."""
        return self._call("POST", f"/workflows/{_part(instance_id)}/cancel")

    def sessions(
        self, user: str | None, *, search: str | None = None, limit: int | None = None, before: str | None = None
    ) -> Answer:
        """The user's sessions, latest first."""
        return self._call("GET", "/sessions", params=_given(user_id=user, q=search, limit=limit, before=before))

    def history(
        self, session: str, user: str | None, *, limit: int | None = None, before: str | None = None
    ) -> Answer | None:
        """The last turns of a session, oldest first, and those still open; None for a session that is not there."""
        params = _given(user_id=user, limit=limit, before=before)
        return self._find("GET", f"/sessions/{_part(session)}/history", params=params)

    def fork(self, session: str, user: str | None, turn: str | None, title: str | None) -> Answer:
        """A new session that goes on from a turn of this one."""
        params, body = _given(user_id=user, turn=turn), _given(title=title)
        return self._call("POST", f"/sessions/{_part(session)}/fork", body, params=params)

    def approvals(self, user: str | None, session: str | None, status: str | None) -> Answer:
        """The user's approvals, newest first."""
        return self._call("GET", "/approvals", params=_given(user_id=user, session_id=session, status=status))

    def decide(self, approval_id: str, user: str | None, decision: Answer) -> Answer:
        """Decide an approval; the same decision again is answered as the first time."""
        path = f"/approvals/{_part(approval_id)}"
        return self._call("POST", path, _given(**decision), params=_given(user_id=user))

    def user(self, user: str) -> Answer:
        """A user's preferences and totals."""
        return self._call("GET", f"/users/{_part(user)}")

    def prefer(self, user: str, changes: Mapping[str, str | None]) -> Answer:
        """Change preferences; None deletes one."""
        return self._call("PATCH", f"/users/{_part(user)}", dict(changes))

    def watch(self, query: Answer, wish: Answer) -> Answer:
        """Begin a fare watch."""
        body = {**_given(**wish), "query": _given(**query)}
        return self._call("POST", "/watches", body, headers={"Idempotency-Key": str(uuid4())})

    def watches(self, user: str | None, session: str | None = None, status: str | None = None) -> Answer:
        """The user's fare watches, newest first."""
        return self._call("GET", "/watches", params=_given(user_id=user, session_id=session, status=status))

    def unwatch(self, watch_id: str, user: str | None) -> Answer:
        """End a fare watch."""
        return self._call("DELETE", f"/watches/{_part(watch_id)}", params=_given(user_id=user))

    @contextmanager
    def stream(self, method: str, path: str, body: Answer | None = None, **options: Any) -> Iterator[Iterator[Event]]:
        """The events of a stream. Raises Broken where another try is worth it, also while they are read."""
        with self._broken():
            timeout = httpx.Timeout(10, read=SILENCE)
            with self._http.stream(method, path, json=body, timeout=timeout, **options) as response:
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                yield _events(response)

    def _call(self, method: str, path: str, body: Answer | None = None, **options: Any) -> Answer:
        answer = self._find(method, path, body, missing=False, **options)
        return {} if answer is None else answer

    def _find(
        self, method: str, path: str, body: Answer | None = None, *, missing: bool = True, **options: Any
    ) -> Answer | None:
        """The answer; with ``missing`` None for what is not there."""
        with self._broken():
            response = self._http.request(method, path, json=body, **options)
        if response.status_code == 404 and missing:
            return None
        try:
            answer = response.json()
        except ValueError as error:
            raise RuntimeProblem(f"What answers at {self.url} is no TravelBuddy.") from error
        if response.is_success and isinstance(answer, dict):
            return answer
        raise _refusal(response)

    @contextmanager
    def _broken(self) -> Iterator[None]:
        try:
            yield
        except httpx.InvalidURL as error:
            raise RuntimeProblem(f"{self.url} is not an address: {error}.") from error
        except httpx.UnsupportedProtocol as error:
            raise RuntimeProblem(f"{self.url} is not an address: begin it with http:// or https://.") from error
        except httpx.HTTPError as error:
            raise Broken(
                f"No TravelBuddy answers at {self.url} ({type(error).__name__}). "
                "Start one with `make run`, or name its address by --url.",
                sent=not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout),
            ) from error


def unfinished(answer: Answer) -> bool:
    """Return whether the instance still has something to do."""
    return str(answer.get("status", "")).lower() in UNFINISHED


def _events(response: httpx.Response) -> Iterator[Event]:
    parser = EventParser()
    for data in response.iter_bytes():
        yield from parser.feed(data)


def _given(**values: Any) -> Answer:
    return {key: value for key, value in values.items() if value is not None}


def _part(text: str) -> str:
    return quote(text, safe="")


def _refusal(response: httpx.Response) -> RuntimeProblem:
    """A problem document in one line; with 429 or 503 one that passes."""
    code, said = response.status_code, None
    try:
        answer = response.json()
        said = (answer.get("detail") or answer.get("title")) if isinstance(answer, dict) else None
    except ValueError:
        pass
    text = f"{one_line(said)} (HTTP {code})" if said else f"The service answered HTTP {code}."
    if code not in PASSING:
        return RuntimeProblem(text)
    after = response.headers.get("retry-after", "")
    return Broken(text, float(after) if after.isdigit() else 1.0)
