"""A real Prometheus over a real stack and its daprd: the dashboard's queries find data, and an alert fires."""

from __future__ import annotations

import math
import re

import httpx
import pytest
from tests.integration.framework.polling import poll_until
from tests.integration.framework.prometheus import Prometheus
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack
from tests.integration.framework.traffic import PRICES, Moods, traffic
from tests.unit.telemetry.promql import DAPR, dashboard_queries, rules

EMPTY = {"Sent away, tried again: store: {{operation}} again": "the store has no trouble in this test"}
TRAFFIC_SECONDS = 8.0
HASTE = {"MODEL_ATTEMPTS": "2", "MODEL_PATIENCE": "5", "CHAT_WAIT": "3"}
"""Nobody of the traffic waits long for a model that is down."""
ALERT = "BreakerOpen"
"""A model that is down is hardly asked any more, so its breaker tells sooner than its errors do."""


@pytest.mark.stores("sqlite", because="the metrics are the same over any store")
async def test_every_query_of_the_dashboard_has_data_and_an_alert_fires(dapr_runtime: None) -> None:
    """Targets are up, rules are loaded, each query returns series, and a model that is down sets off its alert."""
    moods = Moods()
    with ScriptedModel(moods) as model:
        async with Stack(env={**model.env, **PRICES, **HASTE}, options=("--dapr-metrics",)) as stack:
            sidecar = f"127.0.0.1:{stack.entry('daprd')['ports']['metrics']}"
            async with Prometheus([f"127.0.0.1:{stack.app_port}"], [sidecar]) as prometheus:
                await traffic(stack, TRAFFIC_SECONDS, lambda: 3)
                await _all_is_there(prometheus)
                await _daprd_shows(f"http://{sidecar}/metrics")
                assert ALERT not in await prometheus.firing()
                moods.failing = 1.0

                async def fires() -> bool:
                    await traffic(stack, 1, lambda: 6)
                    return ALERT in await prometheus.firing()

                await poll_until(fires, 40, "the alert of a model that is down fires")


async def _all_is_there(prometheus: Prometheus) -> None:
    targets = (await prometheus.ask("targets"))["activeTargets"]
    assert {target["labels"]["job"]: target["health"] for target in targets} == {"travelbuddy": "up", "daprd": "up"}
    groups = (await prometheus.ask("rules"))["groups"]
    loaded = [rule for group in groups for rule in group["rules"]]
    assert len(loaded) == len(rules("alert")) + len(rules("record"))
    assert [rule.get("lastError") for rule in loaded if rule["health"] == "err"] == []
    answers = {name: await prometheus.query(query) for name, query in dashboard_queries()}
    assert {name for name, found in answers.items() if not found} == set(EMPTY)
    for name, found in answers.items():
        assert all(not math.isinf(float(one["value"][1])) for one in found), name


async def _daprd_shows(url: str) -> None:
    """What the queries say of daprd's metrics is what this daprd shows."""
    async with httpx.AsyncClient(trust_env=False) as http:
        page = (await http.get(url)).text
    series = re.findall(r"^(\w+)\{(.*)\}", page, re.MULTILINE)  # the client's parser renames counters
    assert {name: set(re.findall(r'(\w+)="', labels)) for name, labels in series if name in DAPR} == DAPR
