from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from travelbuddy.runtime import doctor


def test_a_taken_default_port_blocks_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port another program listens on is reported as busy, one of the stack on this data is not."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        monkeypatch.setattr(doctor, "DEFAULT_PORTS", {"app": port})
        assert [finding.subject for finding in doctor.examine(tmp_path) if finding.lack == "busy" and not finding.ok]
        entry = {"name": "app", "pid": os.getpid(), "ports": {"http": port}}
        (tmp_path / "stack.json").write_text(json.dumps([entry]))
        assert not [finding for finding in doctor.examine(tmp_path) if finding.lack == "busy" and not finding.ok]


def test_a_missing_test_server_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only tests need never blocks the start, and the command that installs it is given."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "MORE_FOLDERS", ())
    redis = next(finding for finding in doctor.examine(tmp_path) if finding.subject == "Redis")
    assert not redis.ok
    assert not redis.blocks_up
    assert "apt-get install redis-server" in redis.detail
