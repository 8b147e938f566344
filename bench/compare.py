"""``python -m bench.compare DIR``: is this checkout slower than the one in DIR? Both in turn, round after round.

DIR is another checkout with its environment (`make setup` there). Each of a pair of runs starts a whole stack on empty
stores, from its own checkout, and loads it from this one; who is first changes with each round. Exits with 1 when a
figure became slower, that is, when all of its interval lies above the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from bench import load
from bench.processes import age, memory_mb
from bench.ratios import LIMIT, Ratio, ratio
from bench.rounds import think
from bench.running import ROOT, end, start, stub_model, wait_until
from bench.servers import NotStarted

Figures = Mapping[str, float]
FIGURES = {
    "alone": ("one turn alone, ms", False),
    "busy": ("16 in flight, turns/s", True),
    "fifty": ("50 users, model takes 1 s, turns/s", True),
    "fifty_p50": ("50 users, model takes 1 s, median, s", False),
    "contended": ("20 messages at once in one session, until the last answer, s", False),
    "start": ("cold start of the app, s", False),
    "memory": ("memory of the app, MB", False),
}
"""What is measured: its title, and whether more of it is better."""
TRIES = 3
ALONE, BUSY, FIFTY, AT_ONCE, WARM_UP = (1, 60), (16, 12), (50, 2), 20, (4, 4)


def main() -> int:
    """Measure, tell, judge."""
    options = _options()
    checkouts = {"before": options.before.resolve(), "after": ROOT}
    found: dict[str, list[Figures]] = {name: [] for name in checkouts}
    began = time.monotonic()
    try:
        with stub_model() as (model_url, _):
            for number in range(options.rounds):
                for name in order(number):
                    found[name].append(_measured(checkouts[name], model_url))
                    shown = ", ".join(f"{key} {value:.3g}" for key, value in found[name][-1].items())
                    seconds = time.monotonic() - began
                    print(f"[{seconds:4.0f} s] round {number + 1}/{options.rounds}, {name}: {shown}", flush=True)
    except NotStarted as trouble:
        print(trouble, file=sys.stderr)
        return 2
    ratios = judged(found["before"], found["after"])
    print("\n".join(table(found["before"], found["after"], ratios)))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return int(any(one.slower for one in ratios.values()))


def order(number: int) -> Sequence[str]:
    """Who is measured first and second in a round: A B, B A, A B, … so that no drift favours one of them."""
    return ("before", "after") if number % 2 == 0 else ("after", "before")


def judged(before: Sequence[Figures], after: Sequence[Figures]) -> dict[str, Ratio]:
    """The ratio of each figure."""
    return {
        key: ratio([run[key] for run in before], [run[key] for run in after], more_is_better=more)
        for key, (_, more) in FIGURES.items()
    }


def table(before: Sequence[Figures], after: Sequence[Figures], ratios: Mapping[str, Ratio]) -> list[str]:
    """A table for people, in Markdown."""
    told = [
        f"| {len(before)} rounds | before | after | times as slow (95 %) | |",
        "|---|---:|---:|---:|---|",
    ]
    for key, (title, _) in FIGURES.items():
        medians = [f"{statistics.median(run[key] for run in runs):.3g}" for runs in (before, after)]
        one = ratios[key]
        verdict = f"slower, by more than {LIMIT - 1:.0%}" if one.slower else "not slower"
        interval = f"{one.middle:.3f} ({one.low:.3f} to {one.high:.3f})"
        told.append(f"| {title} | {medians[0]} | {medians[1]} | {interval} | {verdict} |")
    return told


class Unanswered(Exception):
    """Some messages were not answered, so that the times of the others say little."""


def _measured(checkout: Path, model_url: str) -> Figures:
    """The figures of a run in which all was answered; one that was not is made again, and told."""
    for left in reversed(range(TRIES)):
        try:
            return _one_run(checkout, model_url)
        except Unanswered as problem:
            print(f"{checkout}: {problem}; {f'{left} more tries' if left else 'given up'}", flush=True)
    raise NotStarted("Nothing can be compared.")


def _one_run(checkout: Path, model_url: str) -> Figures:
    think(model_url, 0)
    with _stack(checkout, model_url) as stack:
        _loaded(stack.url, *WARM_UP)
        figures = {"alone": _loaded(stack.url, *ALONE).median * 1000}
        figures["busy"] = _loaded(stack.url, *BUSY).throughput
        figures["contended"] = asyncio.run(_one_session(stack.url))
        think(model_url, 1)
        fifty = _loaded(stack.url, *FIFTY)
        think(model_url, 0)
        figures |= {"fifty": fifty.throughput, "fifty_p50": fifty.median}
        figures["memory"] = memory_mb(stack.app)
        figures["start"] = stack.restart_app()
        return figures


def _loaded(url: str, users: int, turns: int) -> load.Load:
    done = asyncio.run(load.run(url, users, turns))
    if done.errors:
        raise Unanswered(f"{done.errors} of {users * turns} messages were not answered")
    return done


async def _one_session(url: str) -> float:
    """Seconds until the last of many messages that were sent at once to one session is answered."""
    timeout, connector = aiohttp.ClientTimeout(total=load.TIMEOUT), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:

        async def ask(number: int) -> None:
            body = {"user_id": "contended", "session_id": "contended", "message": f"Flights to Paris, no {number}"}
            async with http.post(f"{url}/chat", json=body) as answer:
                if answer.status != 200:
                    raise Unanswered(f"one of {AT_ONCE} messages at once was answered with {answer.status}")

        began = time.perf_counter()
        await asyncio.gather(*map(ask, range(AT_ONCE)))
        return time.perf_counter() - began


class _Stack:
    """A running stack of some checkout."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"http://127.0.0.1:{self._entry()['ports']['http']}"

    @property
    def app(self) -> int:
        """The process of the app."""
        return int(self._entry()["pid"])

    def restart_app(self) -> float:
        """SIGKILL the app; seconds from the start of its successor until it is ready."""
        old = self.app
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: self._successor(old) is not None, "the app runs again")
        wait_until(lambda: asyncio.run(_ready(self.url)), "the app is ready")
        return age(self.app)

    def _successor(self, old: int) -> int | None:
        try:
            return self.app if self.app != old else None
        except StopIteration:
            return None

    def _entry(self) -> dict[str, Any]:
        entries: list[dict[str, Any]] = json.loads((self._folder / "stack.json").read_text(encoding="utf-8"))
        return next(entry for entry in entries if entry["name"] == "app")


async def _ready(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{url}/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


@contextmanager
def _stack(checkout: Path, model_url: str) -> Iterator[_Stack]:
    """`travelbuddy up` of a checkout, on empty stores; all of it is gone afterwards."""
    program = checkout / ".venv" / "bin" / "travelbuddy"
    if not program.exists():
        raise NotStarted(f"{program} is not there: run `make setup` in {checkout}")
    model = {"OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "stub", "OPENAI_MODEL": "stub-1"}
    env = {**os.environ, **model, "AUDIT_LOG": "", "NO_PROXY": "localhost,127.0.0.1"}
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as room:
        folder = Path(room)
        ports = ("--app-port=0", "--dapr-http-port=0", "--dapr-grpc-port=0")
        data = (f"--data-dir={folder}", f"--components={checkout / 'components'}")
        log = folder / "up.log"
        process = start([str(program), "up", *ports, *data], log, env)
        try:
            what = f"the stack of {checkout} is up"
            wait_until(lambda: "is ready at http" in log.read_text(errors="replace"), what, process, log)
            yield _Stack(folder)
        finally:
            end(process)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="compare", description="This checkout beside another one of ours.")
    parser.add_argument("before", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=10, help="pairs of runs (10)")
    parser.add_argument("--quick", action="store_const", const=3, dest="rounds", help="three pairs")
    parser.add_argument("--out", type=Path, help="a file for the raw figures")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("an interval needs two rounds or more")
    return options


if __name__ == "__main__":
    sys.exit(main())
