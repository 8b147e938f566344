"""A Prometheus as an object: the installed program with the configuration of deploy/prometheus, asked over its API."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from tests.integration.framework.http_client import http_client
from tests.integration.framework.program import Program, installed

from travelbuddy.runtime.ports import PortPlan

CONFIGURATION = Path(__file__).parents[3] / "deploy" / "prometheus"
START_TIMEOUT = 15.0
Json = dict[str, Any]


class Prometheus:
    """``async with Prometheus(apps, sidecars) as prometheus``: scrapes these addresses, and is gone afterwards.

    Of the real configuration only this is changed: the targets, how often it looks (``every``), and how long an alert's
    condition must hold (``holds``), so that a test need not wait for minutes.
    """

    def __init__(self, apps: Sequence[str], sidecars: Sequence[str], every: str = "1s", holds: str = "2s") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="travelbuddy-prometheus-"))
        self._ports = PortPlan()
        self._program: Program | None = None
        self._configure({"travelbuddy": list(apps), "daprd": list(sidecars)}, every, holds)
        self.url = ""

    async def __aenter__(self) -> Prometheus:
        try:
            port = self._ports.pick()
            self.url = f"http://127.0.0.1:{port}"
            command = [
                installed("prometheus", "prometheus"),
                f"--config.file={self._folder}/prometheus.yml",
                f"--storage.tsdb.path={self._folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ]
            self._program = Program(command, self._folder)
            await self._program.answers(self._ready, START_TIMEOUT, "Prometheus is ready")
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def ask(self, path: str, **given: str | float) -> Any:
        """The data of an API answer; an error of a query is told with it."""
        async with http_client(timeout=10) as http:
            answer = (await http.get(f"{self.url}/api/v1/{path}", params=given)).json()
        assert answer["status"] == "success", (answer, given)
        return answer["data"]

    async def query(self, expr: str) -> list[Json]:
        """What the query returns now."""
        result: list[Json] = (await self.ask("query", query=expr))["result"]
        return result

    async def firing(self) -> set[str]:
        """The alerts that fire."""
        alerts = (await self.ask("alerts"))["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def _configure(self, targets: dict[str, list[str]], every: str, holds: str) -> None:
        config = yaml.safe_load((CONFIGURATION / "prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = dict.fromkeys(config["global"], every)
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": targets[job["job_name"]]}]
        rules = yaml.safe_load((CONFIGURATION / "alerts.yml").read_text(encoding="utf-8"))
        for rule in (rule for group in rules["groups"] for rule in group["rules"] if "for" in rule):
            rule["for"] = holds
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        (self._folder / "alerts.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")

    async def _ready(self) -> bool:
        async with http_client(timeout=2) as http:
            return (await http.get(f"{self.url}/-/ready")).is_success

    def _close(self) -> None:
        if self._program is not None:
            self._program.stop()
        self._ports.close()
        shutil.rmtree(self._folder, ignore_errors=True)
