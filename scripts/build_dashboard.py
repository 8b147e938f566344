"""Make deploy/grafana/dashboards/travelbuddy.json of deploy/grafana/dashboard.yml; ``--check`` only compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana"
DASHBOARD = FOLDER / "dashboards" / "travelbuddy.json"
HEIGHT = 7
SOURCE = {"type": "prometheus", "uid": "prometheus"}


def panels(described: dict[str, dict[str, dict[str, str]]]) -> list[dict[str, Any]]:
    """The rows, each with its panels from left to right."""
    made: list[dict[str, Any]] = []
    y = 0
    for row, its in described.items():
        made.append(_at({"type": "row", "title": row, "collapsed": False, "panels": []}, len(made), 0, y, 24, 1))
        x = 0
        for title, queries in its.items():
            name, unit, width = (part.strip() for part in title.split("|"))
            made.append(_at(_panel(name, unit, queries), len(made), x, y + 1, int(width), HEIGHT))
            x += int(width)
        y += 1 + HEIGHT
    return made


def _at(panel: dict[str, Any], number: int, x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {"id": number + 1, "gridPos": {"x": x, "y": y, "w": width, "h": height}, **panel}


def _panel(title: str, unit: str, queries: dict[str, str]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
        for number, (legend, expr) in enumerate(queries.items())
    ]
    custom = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
    return {
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def dashboard() -> str:
    """The JSON that Grafana reads."""
    described = yaml.safe_load((FOLDER / "dashboard.yml").read_text(encoding="utf-8"))
    whole = {
        "uid": "travelbuddy",
        "title": "TravelBuddy",
        "tags": ["travelbuddy"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": panels(described),
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write it, or compare and return 1 when it is not up to date."""
    if "--check" in sys.argv:
        return int(not DASHBOARD.exists() or DASHBOARD.read_text(encoding="utf-8") != dashboard())
    DASHBOARD.parent.mkdir(parents=True, exist_ok=True)
    DASHBOARD.write_text(dashboard(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
