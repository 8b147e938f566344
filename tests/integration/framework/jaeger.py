"""A Jaeger as an object: a real trace backend, built once from the Go module proxy and cached as Dapr is."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import yaml
from tests.integration.framework.http_client import http_client
from tests.integration.framework.program import Program

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.gobuild import fetch_go, find_go
from travelbuddy.runtime.install import cache_home
from travelbuddy.runtime.ports import PortPlan
from travelbuddy.runtime.progress import run_step

VERSION = "1.76.0"
"""The module's version; the program in it is Jaeger 2."""
MODULE = f"github.com/jaegertracing/jaeger/cmd/jaeger@v{VERSION}"
PACKAGES = 2_340  # what the build compiles; only for the progress bar
HOST = "127.0.0.1"
START_TIMEOUT = 20.0
Json = dict[str, Any]


def cached() -> Path:
    """Where the program is, or will be."""
    return cache_home() / "jaeger" / VERSION / "jaeger"


def ensure_jaeger() -> Path:
    """The program, built first where it is not there: some four minutes on two cores, once."""
    if not cached().exists():
        home = cached().parent
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent, prefix=".partial-") as scratch:
            _build(Path(scratch), home.parent / "build.log")
            (Path(scratch) / "jaeger").rename(cached())
    return cached()


def _build(folder: Path, log: Path) -> None:
    """Build it in an empty module: its own asks for no build outside of one."""
    go = str(find_go() or fetch_go(cache_home() / "go"))
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    steps = [
        (f"Fetching Jaeger {VERSION}", [go, "mod", "init", "jaeger-for-tests"], 0),
        (f"Fetching Jaeger {VERSION} from the Go module proxy", [go, "get", "-tool", MODULE], 0),
        (
            f"Building Jaeger {VERSION} (once, about 4 minutes)",
            [go, "build", "-v", "-trimpath", "-ldflags", "-s -w", "-o", "jaeger", MODULE.partition("@")[0]],
            PACKAGES,
        ),
    ]
    for title, command, total in steps:
        run_step(title, command, cwd=folder, env=env, log=log, timeout=1800, total=total)


class Jaeger:
    """``async with Jaeger() as jaeger``: OTLP over HTTP at ``url``, what it stored by ``trace``. In memory.

    Skips the test where it is not built yet and cannot be, and fails it where CI runs it.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="travelbuddy-jaeger-"))
        self._ports = PortPlan()
        self.otlp, self.query, self.health = (self._ports.pick() for _ in range(3))
        self._program: Program | None = None

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT says."""
        return f"http://{HOST}:{self.otlp}"

    async def __aenter__(self) -> Jaeger:
        try:
            config = self._folder / "config.yaml"
            config.write_text(yaml.safe_dump(self._config()), encoding="utf-8")
            self._program = Program([str(_program()), f"--config=file:{config}"], self._folder)
            await self._program.answers(self._answers, START_TIMEOUT, "Jaeger answers")
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def traces(self, service: str, **tags: str) -> list[Json]:
        """The stored traces of a service that have a span with these attributes."""
        query: dict[str, Any] = {"service": service, "limit": 100, "lookback": "1h"}
        if tags:
            query["tags"] = str(tags).replace("'", '"')
        return await self._get("/api/traces", query)

    async def trace(self, trace_id: str) -> Json:
        """One trace as its API has it; no spans while it is not there."""
        found = await self._get(f"/api/traces/{trace_id}", {})
        return found[0] if found else {"spans": [], "processes": {}}

    async def _get(self, path: str, query: dict[str, Any]) -> list[Json]:
        async with http_client(base_url=f"http://{HOST}:{self.query}", timeout=10) as http:
            answer = await http.get(path, params=query)
        data: list[Json] = answer.json().get("data") or []
        return data

    async def _answers(self) -> bool:
        async with http_client(timeout=2) as http:
            return (await http.get(f"http://{HOST}:{self.query}/api/services")).is_success

    def _config(self) -> Json:
        return {
            "service": {
                "extensions": ["jaeger_storage", "jaeger_query"],
                "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
                "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
            },
            "extensions": {
                "jaeger_query": {
                    "storage": {"traces": "memory"},
                    "http": {"endpoint": f"{HOST}:{self.query}"},
                    "grpc": {"endpoint": f"{HOST}:{self.health}"},
                },
                "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 10_000}}}},
            },
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{HOST}:{self.otlp}"}}}},
            "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
        }

    def _close(self) -> None:
        if self._program is not None:
            self._program.stop()
        self._ports.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _program() -> Path:
    if cached().exists():
        return cached()
    reason = "Jaeger is needed: build it once with python -m tests.integration.framework.jaeger"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def main() -> None:
    """Build it unless it is there; where that cannot be, say why: its tests are skipped then."""
    try:
        ensure_jaeger()
    except RuntimeProblem as problem:
        sys.stderr.write(f"No Jaeger for the tests of traces: {problem}\n")


if __name__ == "__main__":
    main()
