"""The audit log grows and never shrinks, whoever writes, restarts or rotates."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from travelbuddy.telemetry import audit


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The file of a log that is switched on."""
    file = tmp_path / "audit.log"
    audit.configure_audit(str(file))
    yield file
    audit.configure_audit("off")


def _lines(*files: Path) -> list[str]:
    return [json.loads(line)["what"][0] for file in files for line in file.read_text().splitlines()]


def test_it_is_the_owners_alone_and_goes_on_after_a_restart(path: Path) -> None:
    """Nobody else may read the file, and opening it again keeps what is in it."""
    audit.record("read", ["one"], "done")
    audit.configure_audit(str(path))
    audit.record("read", ["two"], "done")
    assert _lines(path) == ["one", "two"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_survives_being_rotated_either_way(path: Path) -> None:
    """Renamed, a new file is begun; copied and emptied, the next line is its first, with no hole before it."""
    audit.record("read", ["one"], "done")
    path.rename(path.with_suffix(".1"))
    audit.record("read", ["two"], "done")
    assert (_lines(path.with_suffix(".1")), _lines(path)) == (["one"], ["two"])
    path.with_suffix(".2").write_bytes(path.read_bytes())
    os.truncate(path, 0)
    audit.record("read", ["three"], "done")
    assert _lines(path) == ["three"]
    assert path.read_bytes().startswith(b'{"audit"')


def test_several_processes_write_whole_lines(path: Path) -> None:
    """Replicas share the file: of lines as long as they get, none is torn."""
    code = (
        "import sys; from travelbuddy.telemetry import audit; audit.configure_audit(sys.argv[1]);"
        "[audit.record('read', [sys.argv[2]] + ['tally:x' * 40] * 200, 'done') for _ in range(200)]"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("a", "b")]
    assert [writer.wait(30) for writer in writers] == [0, 0]
    assert sorted(_lines(path)) == ["a"] * 200 + ["b"] * 200


def test_a_flood_of_tasks_keeps_each_its_own_door(path: Path) -> None:
    """What one task says of its door does not leak into another one's lines."""

    async def work(name: str) -> None:
        audit.enter(f"door {name}", name)
        await asyncio.sleep(0)
        audit.record("read", [name], "done")

    async def flood() -> None:
        await asyncio.gather(*(work(str(number)) for number in range(100)))

    asyncio.run(flood())
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(line["door"] == f"door {line['what'][0]}" and line["who"] == line["what"][0] for line in lines)


def test_every_request_is_noted_with_its_end(path: Path) -> None:
    """A cancel, an erasure, an export, refused or not, leaves a line with its status; probes leave none."""
    app = FastAPI()
    app.add_middleware(audit.AuditDoor)

    @app.post("/workflows/{turn}/cancel")
    async def cancel(turn: str) -> None:
        raise HTTPException(404)

    @app.delete("/users/{user}")
    async def erase(user: str) -> str:
        return "erased"

    @app.get("/users/{user}/export")
    async def export(user: str) -> StreamingResponse:
        return StreamingResponse(iter(["all of it"]))

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secret words")

    @app.get("/health")
    async def health() -> str:
        return "ok"

    @app.get("/sessions")
    async def sessions(user_id: str) -> None:
        raise HTTPException(401)

    client = TestClient(app, raise_server_exceptions=False)
    for method, target in (
        ("POST", "/workflows/t/cancel?user_id=ada"),
        ("DELETE", "/users/ada"),
        ("GET", "/users/ada/export"),
        ("GET", "/broken"),
        ("GET", "/sessions?user_id=ada"),
        ("GET", "/health"),
    ):
        client.request(method, target)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["who"], line["door"], line["outcome"]) for line in lines] == [
        ("ada", "POST /workflows/t/cancel", "404"),
        ("ada", "DELETE /users/ada", "200"),
        ("ada", "GET /users/ada/export", "200"),
        (None, "GET /broken", "broke off"),
        (None, "GET /sessions", "401"),
    ]
    assert "secret" not in path.read_text()
