from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from travelbuddy.runtime.leases import LEADER_KEY, LeaderLease


class Etcd:
    """As much of etcd as a lease needs: who holds the key, and what was revoked."""

    def __init__(self) -> None:
        self.holder = "old"
        self.revoked: list[str] = []
        etcd = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(etcd.answer(self.path, request)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def answer(self, path: str, request: dict[str, str]) -> dict[str, Any]:
        """Revoking a lease lets the next leader in."""
        if path == "/v3/lease/revoke":
            self.revoked.append(request["ID"])
            self.holder = "new"
            return {}
        assert request["key"] == LEADER_KEY
        return {"kvs": [{"lease": self.holder}]}


@pytest.fixture
def etcd() -> Iterator[Etcd]:
    """A server on a free port."""
    fake = Etcd()
    threading.Thread(target=fake.server.serve_forever, args=(0.05,), daemon=True).start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


async def test_a_first_start_only_remembers(etcd: Etcd, tmp_path: Path) -> None:
    """With no lease known nothing is revoked, and the leader's lease is written down."""
    await LeaderLease(etcd.server.server_port, tmp_path / "lease").renew()
    assert etcd.revoked == []
    assert (tmp_path / "lease").read_text() == "old"


async def test_a_successor_gives_up_exactly_the_dead_ones_lease(etcd: Etcd, tmp_path: Path) -> None:
    """The remembered lease is revoked once and replaced by the new leader's."""
    (tmp_path / "lease").write_text("old")
    await LeaderLease(etcd.server.server_port, tmp_path / "lease").renew()
    assert etcd.revoked == ["old"]
    assert (tmp_path / "lease").read_text() == "new"
