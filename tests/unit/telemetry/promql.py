"""The queries of dashboard, alerts and recording rules, and what each one asks for, by a real parser of PromQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import yaml

DEPLOY = Path(__file__).parents[3] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "travelbuddy.json"
FROM_PROMETHEUS = {"job", "instance"}

DAPR: Mapping[str, set[str]] = {
    "dapr_component_state_latencies_sum": {"app_id", "component", "namespace", "operation", "success"},
    "dapr_component_state_latencies_count": {"app_id", "component", "namespace", "operation", "success"},
    "dapr_component_pubsub_ingress_count": {"app_id", "component", "namespace", "process_status", "status", "topic"},
    "dapr_component_pubsub_egress_count": {"app_id", "component", "namespace", "success", "topic"},
    "dapr_runtime_workflow_execution_count": {"app_id", "namespace", "status", "workflow_name"},
}
"""daprd's series that the queries use, with their labels; an integration test compares them with a real daprd."""


def rules(kind: str) -> list[dict[str, Any]]:
    """The rules of a kind: ``alert`` or ``record``."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def dashboard_queries() -> list[tuple[str, str]]:
    """Each query of the dashboard, with its panel's title and legend, its interval a minute."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [
        (f"{panel['title']}: {target['legendFormat']}", target["expr"].replace("$__rate_interval", "1m"))
        for panel in panels
        for target in panel.get("targets", [])
    ]


def all_queries() -> list[tuple[str, str]]:
    """Every query there is, with its name."""
    named = [(rule.get("alert") or rule["record"], str(rule["expr"])) for rule in rules("alert") + rules("record")]
    return named + dashboard_queries()


def selected(query: str) -> list[tuple[str, set[str]]]:
    """The metrics that the query selects, each with the labels it is matched by."""
    return [
        (str(node.name), {matcher.name for matcher in node.matchers.matchers})
        for node in _nodes(query)
        if isinstance(node, promql_parser.VectorSelector)
    ]


def grouped(query: str) -> set[str]:
    """The labels that the query sums by."""
    by: set[str] = set()
    for node in _nodes(query):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            by |= set(node.modifier.labels)
    return by


def _nodes(query: str) -> Iterator[Any]:
    seen: list[Any] = []

    def visit(node: Any) -> None:
        seen.append(getattr(node, "vector_selector", node))

    promql_parser.walk(promql_parser.parse(query), visit)
    yield from seen
