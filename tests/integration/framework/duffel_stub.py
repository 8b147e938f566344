"""A flight supplier of our own that speaks Duffel's API v2 (https://duffel.com/docs/api) over real HTTP.

In a thread: ``with DuffelStub() as stub``, and give the service ``stub.env``. As a process of its own, which outlives
whatever is killed: ``python -m tests.integration.framework.duffel_stub --port 18080``; then ``/stub/orders`` tells the
orders and ``POST /stub/faults`` with ``{"kind", "on", "times", "seconds"}`` arms a fault.

As the real one it sells one offer of each offer request once, tells everything that is wrong with a request as
``{"errors": […], "meta": {…}}``, and knows no idempotency key.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from tests.integration.framework.duffel_bodies import new_offers, new_order

TOKEN = "duffel_test_stub"  # noqa: S105  nobody else takes it
PASSENGER = ("id", "title", "given_name", "family_name", "born_on", "gender", "email", "phone_number")
Json = dict[str, Any]
On = Literal["offer_requests", "offers", "orders", "order"]
"""Which requests: searching, reading an offer, looking for orders, or creating one."""
Kind = Literal[
    "429",
    "500",
    "502",
    "503",
    "504",
    "slow",
    "broken",
    "cut",
    "unseen",
    "cut_after",
    "500_after",
    "slow_after",
    "202",
    "202_lost",
]
"""An answer of that status; ``slow``: late; ``broken``: half a JSON; ``cut``: no answer; ``…_after``: when the order is
there already; ``202``: accepted, and the order is there; ``202_lost``: accepted, and it never comes; ``unseen``: orders
that are there do not appear yet."""


class Refused(Exception):
    """The supplier's answer when it does not do what was asked."""

    def __init__(self, status: int, kind: str, code: str, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.status = status
        title = code.replace("_", " ").capitalize()
        self.error = {"type": kind, "code": code, "title": title, "message": message}
        self.error["documentation_url"] = "https://duffel.com/docs/api/overview/errors"
        self.source = {"field": pointer.rpartition("/")[2], "pointer": pointer} if pointer else None

    def body(self, request_id: str) -> Json:
        """As the documentation has it."""
        error = {**self.error, **({"source": self.source} if self.source else {})}
        return {"errors": [error], "meta": {"request_id": request_id, "status": self.status}}


@dataclass
class Fault:
    """What goes wrong ``times`` times with requests of one sort; ``fired`` counts."""

    kind: Kind
    on: On
    times: int = 1
    seconds: float = 60
    """How late a slow answer is, and how long a 429 asks to wait."""
    fired: int = 0


class Supplier:
    """What the supplier knows. Safe to use from several threads."""

    def __init__(self) -> None:
        self.offers: dict[str, Json] = {}
        self.orders: list[Json] = []
        self.attempted: set[str] = set()
        """Offers of which an order was tried that never came: no second try is taken."""
        self.requests: list[tuple[str, str, Json | None]] = []
        """Every request: method, path with query, ``data`` of its body."""
        self.answered = 0
        """How many of them are over, whoever was still there to hear it."""
        self.faults: list[Fault] = []
        self.closing = threading.Event()
        self._searches = 0
        self._lock = threading.Lock()

    def orders_per_offer(self) -> Counter[str]:
        """How many orders each offer has: at most one, whatever happens."""
        return Counter(order["offer_id"] for order in self.orders)

    def fault(self, on: On) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            for fault in self.faults:
                if fault.on == on and fault.fired < fault.times:
                    fault.fired += 1
                    return fault
        return None

    def search(self, data: Json) -> Json:
        """Create an offer request, with its offers."""
        _check_search(data)
        with self._lock:
            self._searches += 1
            number = self._searches
        offers = new_offers(number, data)
        self.offers |= {offer["id"]: offer for offer in offers}
        return {"id": f"orq_{number:06}", "live_mode": False, "offers": offers, "slices": [], "passengers": []}

    def offer(self, offer_id: str) -> Json:
        """One offer as it is sold now."""
        offer = self.offers.get(offer_id)
        if offer is None:
            raise Refused(404, "invalid_request_error", "not_found", "The resource you asked for does not exist")
        if offer["expires_at"] <= _stamp():
            raise _gone()
        return offer

    def hold(self, data: Json) -> Json:
        """Create an order of an offer that is held."""
        offer = self.offers.get((data.get("selected_offers") or [""])[0])
        if offer is None or offer["expires_at"] <= _stamp():
            raise _gone()
        _check_order(data, offer)
        if offer["id"] in self.attempted:
            text = "Order creation has already been attempted for the provided offer"
            raise Refused(422, "invalid_state_error", "order_creation_already_attempted", text)
        with self._lock:
            sold = {self.offers[order["offer_id"]]["offer_request_id"] for order in self.orders}
            if offer["offer_request_id"] in sold:
                raise _invalid("offer_request_already_booked", "An offer of this search is booked", "/selected_offers")
            order = new_order(len(self.orders) + 1, offer, data)
            self.orders.append(order)
        return order

    def expire(self, offer_id: str) -> None:
        """Let an offer run out."""
        self.offers[offer_id]["expires_at"] = "2020-01-01T00:00:00Z"

    def reprice(self, offer_id: str, amount: str) -> None:
        """Let an offer cost something else from now on."""
        self.offers[offer_id]["total_amount"] = amount


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # five, as it is otherwise, is less than ask at once


class DuffelStub(Supplier):
    """The supplier as a server in this process."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self._server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"supplier": self}))
        self._thread = threading.Thread(target=self.serve, daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def env(self) -> dict[str, str]:
        """The settings that make the service buy here."""
        return {"FLIGHTS": "duffel", "DUFFEL_URL": self.url, "DUFFEL_ACCESS_TOKEN": TOKEN}

    def __enter__(self) -> DuffelStub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        """Answer until the end."""
        self._server.serve_forever(0.05)

    def arm(self, kind: Kind, on: On, times: int = 1, seconds: float = 60) -> Fault:
        """Let the next requests of this sort fail; look at ``fired`` afterwards."""
        self.faults.append(Fault(kind, on, times, seconds))
        return self.faults[-1]

    def reset(self) -> None:
        """As new: no offers, no orders, no faults, an empty log."""
        self.offers, self.orders, self.attempted = {}, [], set()
        self.requests, self.faults, self.answered = [], [], 0

    def asked(self, method: str, path: str) -> list[Json | None]:
        """The data of the logged requests of this method whose path begins so."""
        return [data for was, where, data in self.requests if was == method and where.startswith(path)]


class _Handler(BaseHTTPRequestHandler):
    """The wire."""

    supplier: DuffelStub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Json | None) -> None:
        if self.path.startswith("/stub/"):
            return self._control(body or {})
        data = body.get("data") if body is not None else None
        self.supplier.requests.append((self.command, self.path, data))
        fault = self.supplier.fault(self._sort())
        try:
            if fault is None or not self._before(fault, data or {}):
                status, answer = self._result(data)
                if fault is None or not self._after(fault, answer):
                    self._send(status, answer)
        except Refused as refused:
            self._send(refused.status, refused.body(self._request_id()))
        except OSError:  # the client was killed meanwhile, or went away
            self.close_connection = True
        finally:
            self.supplier.answered += 1
        return None

    def _sort(self) -> On:
        if self.path.startswith("/air/orders"):
            return "order" if self.command == "POST" else "orders"
        return "offer_requests" if self.path.startswith("/air/offer_requests") else "offers"

    def _result(self, data: Json | None) -> tuple[int, Json]:
        self._check_headers()
        where = urlsplit(self.path)
        if self.command == "POST" and data is None:
            raise _invalid("validation_required", "Field 'data' can't be blank", "/data")
        if data is not None and where.path == "/air/offer_requests":
            return 201, {"data": self.supplier.search(data)}
        if data is not None and where.path == "/air/orders":
            return 201, {"data": self.supplier.hold(data)}
        if where.path == "/air/orders":
            wanted = parse_qs(where.query).get("offer_id", [""])[0]
            found = [order for order in self.supplier.orders if order["offer_id"] == wanted]
            return 200, _page(found)
        if offer := re.fullmatch(r"/air/offers/([\w-]+)", where.path):
            return 200, {"data": self.supplier.offer(offer[1])}
        raise Refused(404, "invalid_request_error", "not_found", "The resource you asked for does not exist")

    def _check_headers(self) -> None:
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if scheme != "Bearer" or not token.startswith(("duffel_test_", "duffel_live_")):
            text = "The access token used is not recognized by our system"
            raise Refused(401, "authentication_error", "access_token_not_found", text)
        if self.headers.get("Duffel-Version") != "v2":
            text = "The version set to the 'Duffel-Version' header is no longer supported"
            raise Refused(400, "invalid_request_error", "unsupported_version", text)

    def _before(self, fault: Fault, data: Json) -> bool:
        """The fault takes the answer's place, and nothing is done."""
        if fault.kind == "slow":
            self.supplier.closing.wait(fault.seconds)
        elif fault.kind == "cut":
            self.close_connection = True
            return True
        elif fault.kind == "202_lost":
            self.supplier.attempted |= set(data.get("selected_offers") or ())
            self._send(202, {"data": {}})
            return True
        elif fault.kind == "unseen":
            self._send(200, _page([]))
            return True
        elif fault.kind == "broken":
            self._raw(200, b'{"data": {"offers": [', {"Content-Type": "application/json"})
            return True
        elif fault.kind == "429":
            reset = format_datetime(datetime.now(UTC) + timedelta(seconds=fault.seconds + 1), usegmt=True)
            headers = {"ratelimit-limit": "60", "ratelimit-remaining": "0", "ratelimit-reset": reset}
            refused = Refused(429, "rate_limit_error", "rate_limit_exceeded", "Too many requests hit the API")
            self._send(429, refused.body(self._request_id()), headers)
            return True
        elif fault.kind.isdigit() and fault.kind != "202":
            raise Refused(int(fault.kind), "api_error", "internal_server_error", "There was something wrong here")
        return False

    def _after(self, fault: Fault, answer: Json) -> bool:
        """The fault takes the answer's place when everything is done."""
        if fault.kind == "cut_after":
            self.close_connection = True
            return True
        if fault.kind == "slow_after":
            self.supplier.closing.wait(fault.seconds)
        if fault.kind == "500_after":
            raise Refused(500, "api_error", "internal_server_error", "There was something wrong here")
        if fault.kind == "202":
            self._send(202, {"data": {}})
            return True
        return False

    def _control(self, body: Json) -> None:
        if self.path == "/stub/faults":
            self.supplier.arm(**body)
        told = {"orders": self.supplier.orders, "faults": [vars(fault) for fault in self.supplier.faults]}
        self._send(200, told)

    def _request_id(self) -> str:
        return f"Req{len(self.supplier.requests):06}"

    def _send(self, status: int, answer: Json, headers: Mapping[str, str] | None = None) -> None:
        body, sent = json.dumps(answer).encode(), {"Content-Type": "application/json", "x-request-id": "Req000000"}
        if "gzip" in (self.headers.get("Accept-Encoding") or ""):
            body, sent["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        self._raw(status, body, {**sent, **(headers or {})})

    def _raw(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        return


def _page(found: list[Json]) -> Json:
    return {"data": found, "meta": {"limit": 50, "before": None, "after": None}}


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _invalid(code: str, message: str, pointer: str) -> Refused:
    return Refused(422, "validation_error", code, message, pointer)


def _gone() -> Refused:
    return Refused(422, "invalid_state_error", "offer_no_longer_available", "Please select another offer")


def _check_search(data: Json) -> None:
    for number, one in enumerate(data.get("slices") or []):
        for name in ("origin", "destination", "departure_date"):
            if not one.get(name):
                raise _invalid("validation_required", f"Field '{name}' can't be blank", f"/slices/{number}/{name}")
        if one["departure_date"] < _stamp()[:10]:
            text = "Field 'departure_date' must be after today"
            raise _invalid("validation_date", text, f"/slices/{number}/departure_date")
    for name in ("slices", "passengers"):
        if not data.get(name):
            raise _invalid("validation_required", f"Field '{name}' can't be blank", f"/{name}")


def _check_order(data: Json, offer: Json) -> None:
    if data.get("type") == "hold" and offer["payment_requirements"]["requires_instant_payment"]:
        raise _invalid("order_type_not_eligible", "This offer can't be held", "/type")
    if data.get("type") == "hold" and "payments" in data:
        raise _invalid("payments_not_allowed_for_order_type", "A hold order is not paid yet", "/payments")
    given = data.get("passengers") or []
    if {one.get("id") for one in given} != {one["id"] for one in offer["passengers"]}:
        raise _invalid("validation_required", "Field 'passengers' does not match the offer", "/passengers")
    for number, one in enumerate(given):
        for name in PASSENGER:
            if not one.get(name):
                text = f"Field '{name}' can't be blank"
                raise _invalid("validation_required", text, f"/passengers/{number}/{name}")


def main() -> None:
    """Answer on a port until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    with DuffelStub(parser.parse_args().port) as stub:
        print(stub.url, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
