from __future__ import annotations

import json

import httpx
import pytest

from travelbuddy.errors import RuntimeProblem
from travelbuddy.terminal.asked import print_answer
from travelbuddy.terminal.client import ServiceClient

URL = "http://service.test"


def client(answer: httpx.Response | Exception) -> ServiceClient:
    """A client of a service that always answers the same."""

    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ServiceClient(URL, transport=httpx.MockTransport(handle))


def test_send_leaves_out_what_was_not_given() -> None:
    """Without user and session the body has the task alone, so that the service's defaults apply."""
    bodies = []

    def handle(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(202, json={"workflow_instance_id": "x"})

    with ServiceClient(URL, transport=httpx.MockTransport(handle)) as service:
        service.send("hi", None, None)
        service.send("hi", "ada", "trip")
    assert bodies == [{"task": "hi"}, {"task": "hi", "user_id": "ada", "session_id": "trip"}]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.ConnectError("refused"), "No TravelBuddy answers at http://service.test .*make run"),
        (httpx.Response(200, text="<html>"), "is no TravelBuddy"),
        (httpx.Response(404, json={"title": "Not found", "detail": "no workflow x"}), r"no workflow x \(HTTP 404\)"),
        (httpx.Response(500, json=["odd"]), "answered HTTP 500"),
    ],
)
def test_whatever_goes_wrong_is_one_line(answer: httpx.Response | Exception, said: str) -> None:
    """No service, another service and a problem document each become one line that says what it is."""
    with client(answer) as service, pytest.raises(RuntimeProblem, match=said) as problem:
        service.status("x")
    assert "\n" not in str(problem.value)


def test_a_reply_is_printed_as_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A reply message is printed as its content, a failed turn is an error, and JSON is printed whole."""
    print_answer({"response": {"role": "assistant", "content": "Bon voyage"}}, as_json=False)
    assert capsys.readouterr().out == "Bon voyage\n"
    print_answer({"error": "too many steps"}, as_json=False)
    assert capsys.readouterr().err == "The message failed: too many steps\n"
    print_answer({"error": "too many steps"}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"error": "too many steps"}


def test_waiting_outlives_a_service_that_is_away() -> None:
    """An accepted message is waited for although the service does not answer in between."""
    answers = [httpx.Response(200, json={"status": "answered"}), httpx.Response(503, json={"detail": "not begun"})]
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise httpx.ConnectError("refused")
        return answers.pop()

    with ServiceClient(URL, transport=httpx.MockTransport(handle)) as service:
        assert service.wait("x") == {"status": "answered"}
