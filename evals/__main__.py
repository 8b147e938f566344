"""``python -m evals``: play people's dialogues to the service and say how well it understood them."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from bench.running import end, start, wait_until
from bench.servers import NotStarted
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from evals import report
from evals.dialogues import Dialogue, read
from evals.play import Player
from evals.score import Played, Tally, judge, tally
from travelbuddy.errors import RuntimeProblem

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "sgd_flights_dev.jsonl"
OWN = Path(__file__).resolve().with_name("own.jsonl")
TODAY = date(2019, 3, 1)
READY = re.compile(r"^TravelBuddy is ready at (http://localhost:\d+)$", re.M)
MISSING = """There are no dialogues at {path}.

They come from the Schema-Guided Dialogue dataset (Google, CC BY-SA 4.0), which is not part of this project:
  git clone https://github.com/google-research-datasets/dstc8-schema-guided-dialogue
  .venv/bin/python -m evals.convert dstc8-schema-guided-dialogue/train > dialogues.jsonl
  EVAL_DATA=dialogues.jsonl make eval
Dialogues of your own do as well: the form is described in docs/understanding.md. Some that this project has:
  EVAL_DATA=evals/own.jsonl make eval"""


def main() -> int:
    """Play, judge, tell. 1 when the offline model misses a goal on dialogues of others, 2 for what cannot be run."""
    options = _options()
    path = Path(options.data)
    if not path.exists():
        print(MISSING.format(path=path), file=sys.stderr)
        if not options.or_own:
            return 2
        path = OWN
        options.data = str(OWN)
    began = time.monotonic()
    try:
        dialogues = _chosen(read(path), options)
        with _service(options) as url:
            model, pairs = asyncio.run(_play(url, dialogues, options.at_once))
        return _tell(model, pairs, time.monotonic() - began, options)
    except (RuntimeProblem, NotStarted) as problem:
        print(problem, file=sys.stderr)
        return 2
    except ExceptionGroup as several:
        if several.split(RuntimeProblem)[1] is not None:  # a mistake of ours, to be seen where it happened
            raise
        print(several.exceptions[0], file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _tell(model: str, pairs: list[tuple[Dialogue, list[Played]]], seconds: float, options: argparse.Namespace) -> int:
    total, services = tally(pairs), _by_service(pairs)
    told = report.lines(model, total, services, seconds, Path(options.data).name)
    print("\n".join(told))
    if options.cases:
        print("\n".join(["", *report.cases(total.confusions)]))
    if options.write:
        report.write([*told, "", *report.examples(total.confusions)])
    part = options.limit or options.service or Path(options.data).resolve() == OWN
    whole = model.startswith("offline") and not part
    return 1 if whole and not all(goal.met for goal in report.goals(total)) else 0


def _by_service(pairs: list[tuple[Dialogue, list[Played]]]) -> Mapping[str, Tally]:
    services: dict[str, Tally] = {}
    for dialogue, played in pairs:
        services.setdefault(dialogue.service, Tally()).add(judge(dialogue, played))
    return dict(sorted(services.items()))


async def _play(url: str, dialogues: list[Dialogue], at_once: int) -> tuple[str, list[tuple[Dialogue, list[Played]]]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    async with Player(url) as player:
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
            task = progress.add_task("Dialogues", total=len(dialogues))
            pairs = await player.play_all(dialogues, at_once, lambda _: progress.advance(task))
        return player.model, pairs


def _chosen(dialogues: list[Dialogue], options: argparse.Namespace) -> list[Dialogue]:
    of_service = [each for each in dialogues if options.service in {"", each.service}]
    if not of_service:
        known = ", ".join(sorted({each.service for each in dialogues}))
        raise RuntimeProblem(f"No dialogue is of service {options.service}; there are: {known}.")
    return of_service[: options.limit or None]


@contextmanager
def _service(options: argparse.Namespace) -> Iterator[str]:
    """The service at --url, or one of its own, which knows what day it is and asks for what is missing."""
    if options.url:
        yield options.url.rstrip("/")
        return
    with tempfile.TemporaryDirectory(prefix="eval-", ignore_cleanup_errors=True) as room:
        log = Path(room) / "up.log"
        ports = ("--app-port=0", "--dapr-http-port=0", "--dapr-grpc-port=0")
        env = {"TODAY": options.today.isoformat(), "ASSUME_MISSING": "false", "FLIGHTS": "sample", "AUTH": "none"}
        program = Path(sys.executable).parent / "travelbuddy"
        command = [str(program), "up", *ports, f"--data-dir={Path(room) / 'data'}"]
        process = start(command, log, {**os.environ, **env, "AUDIT_LOG": "off"})
        try:
            wait_until(lambda: READY.search(log.read_text(errors="replace")) is not None, "it is ready", process, log)
            ready = READY.search(log.read_text(errors="replace"))
            assert ready is not None  # noqa: S101 - waited for
            yield ready[1].replace("localhost", "127.0.0.1")
        finally:
            end(process)


def _one_or_more(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make eval ARGS=…", description=__doc__)
    parser.add_argument("--data", default=os.environ.get("EVAL_DATA") or str(DATA), help="the dialogues (EVAL_DATA)")
    parser.add_argument("--today", type=date.fromisoformat, default=TODAY, help="the day it is for the people in them")
    parser.add_argument("--url", default="", help="a service that runs already, begun with that TODAY")
    parser.add_argument("--service", default="", help="only dialogues of this service")
    parser.add_argument("--limit", type=int, default=0, help="only the first so many")
    parser.add_argument("--at-once", type=_one_or_more, default=8, help="dialogues played at the same time")
    parser.add_argument("--cases", action="store_true", help="print every case that went wrong")
    parser.add_argument("--or-own", action="store_true", help="where there are none, play the project's own")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/understanding.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
