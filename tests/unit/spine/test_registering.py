"""`travelbuddy register` where it cannot work: one line that says what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from travelbuddy import registering
from travelbuddy.cli import app

INSTALLED = "travelbuddy.registering.find_spec"


@pytest.fixture
def sidecar() -> Iterator[int]:
    """The HTTP port of a sidecar that has one state store and one topic."""
    components = [{"name": "mine", "type": "state.sqlite"}, {"name": "topics", "type": "pubsub.in-memory"}]

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"components": components}).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            return

    with HTTPServer(("127.0.0.1", 0), Metadata) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def _register(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["register", *options])
    return result.exit_code, result.output


def test_without_dapr_agents_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 and the pip command, before anything else is tried."""
    monkeypatch.setattr(INSTALLED, lambda name: None)
    assert _register() == (2, registering.INSTALL + "\n")
    assert "pip install" in registering.INSTALL


def test_without_a_sidecar_the_command_names_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 and where it was looked for."""
    monkeypatch.setattr(INSTALLED, lambda name: object())
    code, said = _register("--dapr-http-port=1", "--dapr-grpc-port=1")
    assert code == 2
    assert said.startswith("No Dapr sidecar answers at http://127.0.0.1:1/")
    assert said.count("\n") == 1


def test_a_store_that_the_sidecar_has_not_is_named_beside_those_it_has(
    monkeypatch: pytest.MonkeyPatch, sidecar: int
) -> None:
    """Exit code 2, the option, and the state stores to choose from."""
    monkeypatch.setattr(INSTALLED, lambda name: object())
    code, said = _register(f"--dapr-http-port={sidecar}", "--store=elsewhere")
    assert (code, said) == (2, "--store: the sidecar has no state store 'elsewhere'; it has: mine.\n")
