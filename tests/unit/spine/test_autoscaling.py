"""The manifest that scales replicas by load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MANIFEST = Path(__file__).parents[3] / "deploy" / "kubernetes" / "base" / "hpa.yaml"


def test_replicas_follow_the_load_from_2_to_20() -> None:
    """CPU above 70 % or memory above 80 % adds replicas quickly; they go slowly."""
    hpa: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    assert (hpa["apiVersion"], hpa["kind"]) == ("autoscaling/v2", "HorizontalPodAutoscaler")
    spec = hpa["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 20)
    targets = {m["resource"]["name"]: m["resource"]["target"]["averageUtilization"] for m in spec["metrics"]}
    assert targets == {"cpu": 70, "memory": 80}
    windows = {way: rules["stabilizationWindowSeconds"] for way, rules in spec["behavior"].items()}
    assert windows == {"scaleUp": 60, "scaleDown": 300}
