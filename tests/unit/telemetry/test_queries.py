"""Dashboard, alerts and runbook speak of what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.integration.framework.program import installed
from tests.unit.telemetry.promql import DAPR, DEPLOY, FROM_PROMETHEUS, all_queries, grouped, rules, selected

from travelbuddy.bootstrap import build_services
from travelbuddy.settings import Settings

ROOT = DEPLOY.parent
PROMETHEUS = DEPLOY / "prometheus"
ALERTS = [rule["alert"] for rule in rules("alert")]


async def _series() -> dict[str, set[str]]:
    """The app's series with their labels, by the registry of a whole service."""
    registry = build_services(Settings(_env_file=None)).metrics.registry
    found: dict[str, set[str]] = {"up": set()}
    for collector in registry._collector_to_names:
        labels = set(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "info": ["_info"]}.get(
                family.type, [""]
            )
            own = labels | {name for sample in family.samples for name in sample.labels if name != "le"}
            found |= {family.name + end: own | ({"le"} if end == "_bucket" else set()) for end in ends}
    return found


async def test_each_query_names_metrics_and_labels_that_are_there() -> None:
    """Every metric and label of dashboard, alerts and recording rules is the app's, daprd's or a recorded one."""
    series = {**await _series(), **DAPR}
    series |= {rule["record"]: grouped(rule["expr"]) - {"le"} for rule in rules("record")}
    assert len(all_queries()) > 60
    for name, query in all_queries():
        labels: set[str] = set()
        for metric, matched in selected(query):
            assert metric in series, f"{name}: there is no metric {metric}"
            assert matched <= series[metric] | FROM_PROMETHEUS, f"{name}: {metric} has no {matched - series[metric]}"
            labels |= series[metric]
        assert grouped(query) <= labels | FROM_PROMETHEUS, f"{name}: nothing has {grouped(query) - labels}"


async def test_a_query_for_what_is_not_there_is_seen() -> None:
    """The parser finds a wrong name wherever in a query it stands, also below functions, ranges and operators."""
    query = 'sum by (le) (rate(gone_total{bad="1"}[5m] offset 1h)) unless max(also_gone) > 1'
    assert {name for name, _ in selected(query)} == {"gone_total", "also_gone"}
    assert dict(selected(query))["gone_total"] == {"bad"}
    assert grouped(query) == {"le"}


async def test_every_metric_is_documented() -> None:
    """docs/metrics.md has a line for each of the app's own metrics, and none for another."""
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| `(travelbuddy_\w+)`", page, re.MULTILINE))
    own = {re.sub(r"_(bucket|sum|count)$", "", name) for name in await _series() if name.startswith("travelbuddy_")}
    assert shown == own


def test_every_alert_has_its_runbook_heading_and_says_what_to_do() -> None:
    """Each has a severity, a summary, a description, and a link to its own heading, and no heading is without alert."""
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == ALERTS
    for rule in rules("alert"):
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_every_alert_is_tried_out_both_ways() -> None:
    """Promtool's tests have a world for each alert in which it fires, and one in which it does not."""
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    assert [test["name"] for test in tests] == [f"{name} {how}" for name in ALERTS for how in ("fires", "is quiet")]
    for test in tests:
        name, _, how = test["name"].partition(" ")
        (asked,) = test["promql_expr_test"]
        assert asked["expr"] == f'count(ALERTS{{alertname="{name}", alertstate="firing"}})'
        assert bool(asked["exp_samples"]) == (how == "fires")


@pytest.mark.parametrize("command", ["check config prometheus.yml", "test rules alerts_test.yml"])
def test_promtool_finds_nothing_wrong(command: str) -> None:
    """The configuration and the rules are valid, and every alert behaves as its tests say."""
    promtool = [installed("promtool", "prometheus"), *command.split()]
    done = subprocess.run(promtool, cwd=PROMETHEUS, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_sees_an_alert_that_does_not_fire(tmp_path: Path) -> None:
    """With a threshold that nothing reaches, the alert's test fails."""
    folder = shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    text = (folder / "alerts.yml").read_text(encoding="utf-8")
    (folder / "alerts.yml").write_text(text.replace("per_hour > 20", "per_hour > 2000"), encoding="utf-8")
    promtool = [installed("promtool", "prometheus"), "test", "rules", "alerts_test.yml"]
    done = subprocess.run(promtool, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "CostHigh" in done.stdout + done.stderr


def test_the_dashboard_is_what_its_description_says() -> None:
    """travelbuddy.json is up to date with dashboard.yml."""
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "build_dashboard"), "--check"])
    assert done.returncode == 0, "run scripts/build_dashboard"
