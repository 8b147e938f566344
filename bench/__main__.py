"""``python -m bench``: everybody in turn, round after round; the page, its plot and the raw figures in one folder."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import faults, field, report
from bench.field import EVERYBODY, OURS, Contender
from bench.rounds import Figures, one_round, size_for
from bench.running import ROOT, stub_model
from bench.servers import NotInstalled, NotStarted

PROBES = {
    "killed in its second model call, a turn finishes by itself": faults.recovery,
    "two messages at once in one session": faults.shared_session,
}


def main() -> int:
    """Run what was asked for."""
    options = _options()
    chosen = [contender for contender in EVERYBODY if contender.name in options.only]
    began = time.monotonic()
    try:
        with stub_model() as (model_url, _):
            rounds = _rounds(chosen, options, model_url, began)
            chosen = [contender for contender in chosen if rounds[contender.name]]
            told = _faults(chosen, model_url, began) if options.faults else {}
    except NotStarted as trouble:
        print(trouble, file=sys.stderr)
        return 1
    _write(options.out, chosen, {c.name: rounds[c.name] for c in chosen}, told, time.monotonic() - began)
    return 0


def _rounds(
    chosen: Sequence[Contender], options: argparse.Namespace, model_url: str, began: float
) -> dict[str, list[Figures]]:
    """The figures of every round; none of a contender whose server is not installed."""
    rounds: dict[str, list[Figures]] = {contender.name: [] for contender in chosen}
    for number in range(1, options.rounds + 1):
        for contender in chosen:
            say = _Say(f"round {number}/{options.rounds}", contender, began)
            try:
                size = size_for(contender, quick=options.quick)
                rounds[contender.name].append(one_round(contender, size, model_url, say))
            except NotInstalled as missing:
                say(f"left out: {missing}")
    return rounds


def _faults(chosen: Sequence[Contender], model_url: str, began: float) -> dict[str, dict[str, str]]:
    """What was seen of everybody that has a model."""
    told: dict[str, dict[str, str]] = {}
    for contender in chosen:
        if contender.asks:
            told[contender.name] = {}
            for title, probe in PROBES.items():
                told[contender.name][title] = probe(contender, model_url)
                _Say("faults", contender, began)(f"{title}: {told[contender.name][title]}")
    return told


class _Say:
    """Progress: which round, who, how long since the start."""

    def __init__(self, part: str, contender: Contender, began: float) -> None:
        self._head, self._began = f"{part}, {contender.title}", began

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:5.0f} s] {self._head}: {text}", flush=True)


def _write(
    folder: Path, chosen: Sequence[Contender], rounds: report.Rounds, told: dict[str, dict[str, str]], seconds: float
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page = report.page(rounds, told, seconds) if OURS.name in rounds else ""
    (folder / "README.md").write_text(page, encoding="utf-8")
    results = {"titles": {contender.name: contender.title for contender in chosen}, "rounds": rounds, "faults": told}
    raw = folder / "results.json"
    raw.write_text(json.dumps(results, indent=1), encoding="utf-8")
    plot = [field.THEIR_PYTHON, str(ROOT / "bench" / "plot.py"), str(raw), str(folder / "results.svg")]
    subprocess.run(plot, check=True)  # noqa: S603
    print(page)
    print(f"Written to {folder}/README.md, results.svg and results.json after {seconds / 60:.1f} minutes.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="TravelBuddy beside the alternatives, in one run.")
    names = [contender.name for contender in EVERYBODY]
    parser.add_argument("--quick", action="store_true", help="one small round of the nearest four, under 3 minutes")
    parser.add_argument("--only", type=_names, help=f"comma-separated, of: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, help="rounds, each with everybody (3)")
    parser.add_argument("--faults", action=argparse.BooleanOptionalAction, help="kill and race them too (unless quick)")
    parser.add_argument("--out", type=Path, help="where the page goes (docs/benchmarks; quick: .bench)")
    options = parser.parse_args()
    options.faults = not options.quick if options.faults is None else options.faults
    options.only = options.only or [c.name for c in (field.QUICK if options.quick else EVERYBODY)]
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.out = options.out or (Path(".bench") if options.quick else ROOT / "docs" / "benchmarks")
    return options


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in {contender.name for contender in EVERYBODY}:
            raise argparse.ArgumentTypeError(f"there is no {name!r}")
    return names


if __name__ == "__main__":
    sys.exit(main())
