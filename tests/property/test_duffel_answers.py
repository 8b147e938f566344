"""Whatever the flight supplier answers, searching, reading and holding end with a result, ToolError or Transient."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sizes import examples
from tests.unit.flights.test_duffel_hold import ADA
from tests.unit.flights.test_duffel_offers import offer as documented

from travelbuddy.domain.travel import FlightQuery
from travelbuddy.errors import ToolError, Transient
from travelbuddy.flights.duffel import DuffelFlights
from travelbuddy.flights.duffel_offers import our_offer
from travelbuddy.flights.duffel_wire import KEY_NAME, WireOffer, mark_of
from travelbuddy.tools.base import error_value

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
OFFER = our_offer(WireOffer.model_validate(documented()), "duffel")
QUERY = FlightQuery(origin="LON", destination="NYC", departure_date=date(2026, 12, 1))


def places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a body."""
    yield at
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from places(value, (*at, key))


def replaced(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    """The body with another value there."""
    if not at:
        return value
    inner = replaced(body[at[0]], at[1:], value)
    return {**body, at[0]: inner} if isinstance(body, dict) else [*body[: at[0]], inner, *body[at[0] + 1 :]]


ORDER = {
    "id": "ord_1",
    "booking_reference": "RZPNX8",
    "total_amount": "412.50",
    "total_currency": "GBP",
    "metadata": {KEY_NAME: mark_of("key")},
    "payment_status": {"payment_required_by": "2026-12-01T00:00:00Z"},
}
ERROR = {"type": "validation_error", "code": "x", "title": "t", "message": "m", "source": {"pointer": "/slices/1/x"}}
GOOD = [
    {"data": {"offers": [documented()]}},
    {"data": documented()},
    {"data": [ORDER]},
    {"data": ORDER},
    {"errors": [ERROR], "meta": {"request_id": "r", "status": 422}},
]
ALMOST = st.sampled_from(GOOD).flatmap(
    lambda body: st.tuples(st.just(body), st.sampled_from(list(places(body))), JSON).map(lambda three: replaced(*three))
)
BODIES = st.one_of(
    st.one_of(ALMOST, JSON).map(lambda body: json.dumps(body).encode()),
    ALMOST.map(lambda body: json.dumps(body).encode()[:-7]),
    st.binary(max_size=100),
    st.sampled_from([b"", b"[" * 100_000, b'{"data":' * 5_000, gzip.compress(b'{"data": []}'), b'{"data": "\\ud800"}']),
)
STATUS = st.sampled_from(
    [200, 201, 202, 204, 301, 400, 401, 403, 404, 406, 410, 418, 422, 429, 500, 502, 503, 504, 599]
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
HEADERS = st.dictionaries(st.sampled_from(["ratelimit-reset", "Retry-After", "x-request-id", "Location"]), VALUES) | (
    st.sampled_from([{"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}, {"ratelimit-reset": "nan"}])
)


class Answers:
    """A server that gives one answer to whatever is asked."""

    status, body, headers = 200, b"", dict[str, str]()

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"answers": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    answers: Answers
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.answers.status)
        for name, value in {"Content-Length": str(len(self.answers.body)), **self.answers.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(self.answers.body)

    do_POST = do_GET  # noqa: N815  the base class names it so

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        return


@pytest.fixture(scope="module")
def answers() -> Iterator[Answers]:
    """The server, for all examples."""
    there = Answers()
    threading.Thread(target=there.server.serve_forever, args=(0.01,), daemon=True).start()
    yield there
    there.server.shutdown()
    there.server.server_close()


async def ask_everything(url: str) -> list[ToolError | Transient]:
    """Search, read and hold once each, and collect what was raised."""
    flights = DuffelFlights(url, "duffel_test_x", search_seconds=5, look_again=())
    raised: list[ToolError | Transient] = []
    for ask in (
        lambda: flights.search(QUERY),
        lambda: flights.offer("off_1"),
        lambda: flights.hold(OFFER, [ADA], "key"),
    ):
        try:
            await ask()
        except (ToolError, Transient) as expected:
            raised.append(expected)
    await flights.close()
    return raised


@given(status=STATUS, body=BODIES, headers=HEADERS)
@settings(max_examples=examples(60))
def test_no_answer_breaks_anything(answers: Answers, status: int, body: bytes, headers: dict[str, str]) -> None:
    """Any status, headers and body, also almost right ones; and what the model is told of it stays short."""
    answers.status, answers.body, answers.headers = status, body, headers
    for error in asyncio.run(ask_everything(answers.url)):
        assert len(str(error)) < 600
        assert str(error).isprintable()
        if isinstance(error, ToolError):
            assert len(error_value(error.kind, str(error), field=error.field)) < 2000
        else:
            assert error.retry_after is None or 0 < error.retry_after <= 3600
