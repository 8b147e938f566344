"""Draw the medians: ``plot.py results.json results.svg``, in the contenders' environment, where matplotlib is."""

from __future__ import annotations

import json
import statistics
import sys

import matplotlib
import matplotlib.pyplot as plt

PANELS = (
    ("alone_p50", "One turn alone, p50\nms, less is better", "{:.0f}"),
    ("busy_tps", "16 in flight\nturns a second, more is better", "{:.0f}"),
    ("fifty_tps", "Model takes 1 s, 50 users\nturns a second, more is better", "{:.0f}"),
    ("two_hundred_p95_s", "Model takes 1 s, 200 users, p95\nseconds, less is better", "{:.1f}"),
    ("start_s", "Cold start of the app\nseconds, less is better", "{:.1f}"),
    ("memory_app", "Memory of the app\nMB, less is better", "{:.0f}"),
)
OURS, OTHERS = "#0b6e4f", "#9aa5b1"


def main(source: str, target: str) -> None:
    """One panel a figure, one bar a contender."""
    matplotlib.rcParams.update({"svg.hashsalt": "travelbuddy", "font.size": 9, "axes.spines.right": False})
    with open(source, encoding="utf-8") as file:
        results = json.load(file)
    figure, axes = plt.subplots(2, 3, figsize=(11, 5.2), layout="constrained")
    for axis, (key, title, form) in zip(axes.flat, PANELS, strict=True):
        bars = [
            (results["titles"][name], statistics.median(values))
            for name, rounds in results["rounds"].items()
            if (values := [figures[key] for figures in rounds if key in figures])
        ]
        names, values = [name for name, _ in bars], [value for _, value in bars]
        drawn = axis.barh(names, values, color=[OURS if name == "TravelBuddy" else OTHERS for name in names])
        axis.bar_label(drawn, [form.format(value) for value in values], padding=3)
        axis.set_title(title, fontsize=9, loc="left")
        axis.invert_yaxis()
        axis.spines.top.set_visible(False)
        axis.margins(x=0.15)
    figure.savefig(target, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
