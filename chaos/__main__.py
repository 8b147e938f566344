"""``python -m chaos``: break everything under load, let it heal, judge what is stored; exits with 1 on a violation."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from chaos import report
from chaos.checker import check
from chaos.clients import Client
from chaos.crowd import Crowd
from chaos.evidence import Evidence, Sent, Violation
from chaos.model import Model
from chaos.nemesis import Nemesis
from chaos.plan import scripts
from chaos.schedule import Topology, schedule
from chaos.system import System
from travelbuddy.errors import RuntimeProblem

TOPOLOGIES: tuple[Topology, ...] = ("embedded", "embedded-2", "redis", "postgres")
STORES = ("redis", "postgres", "embedded")
TELL_EVERY = 5.0
FINISH_WITHIN = 60.0
REPEAT_WITHIN = 90.0
SHOWN = 30


def _stop(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """Run what was asked for, one topology after the other."""
    options = _options()
    signal.signal(signal.SIGTERM, _stop)  # what was started must not outlive the run
    print(f"Seed {options.seed}: {options.minutes:g} minutes on {' and '.join(options.topology)}.", flush=True)
    broken = False
    for topology in options.topology:
        with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as room:
            folder = options.keep.resolve() / topology if options.keep else Path(room)
            try:
                run = asyncio.run(one_run(topology, options.seed, options.minutes, folder))
            except RuntimeProblem as problem:
                print(problem, file=sys.stderr)
                return 1
            except KeyboardInterrupt:
                print("Stopped; nothing was judged.", file=sys.stderr)
                return 130
        told = report.lines(run)
        print("\n".join(told), flush=True)
        for violation in run.violations[:SHOWN]:
            print(f"VIOLATION {violation}", flush=True)
        broken = broken or bool(run.violations)
        if options.write:
            report.write(topology, told)
    return 1 if broken else 0


async def one_run(topology: Topology, seed: int, minutes: float, folder: Path) -> report.Run:
    """Break one system for so many minutes, let it heal, and judge it."""
    began, rounds = time.monotonic(), schedule(seed, minutes, topology)
    async with Model(seed) as model, System(topology, model.env, folder) as system:
        client = Client(system.app_urls, system.sidecar_urls)
        crowd = Crowd(client, scripts(seed), lossy_broker=topology == "embedded")
        nemesis = Nemesis(system, model, crowd.burst)
        telling = asyncio.create_task(_tell(topology, began, crowd, system, model))
        trouble: list[Violation] = []
        try:
            try:
                await nemesis.run(rounds)
            except TimeoutError:
                trouble.append(Violation("V5", topology, "a part did not come back after the last fault"))
            open_still = await crowd.finish(FINISH_WITHIN)
            nemesis.end_calm()
            repeated_from = time.time()
            if not await crowd.repeat(REPEAT_WITHIN):
                trouble.append(Violation("V4", topology, "messages sent once more were not all answered"))
        finally:
            telling.cancel()
            crowd.abandon()
            await client.close()
        await system.stack.stop()
        sessions, turns = system.stored()
    trouble += [Violation("V5", part, "was not started again after a kill") for part in system.not_restarted]
    evidence = Evidence(
        sent=crowd.sent,
        sessions=sessions,
        turns=turns,
        asked=model.asked,
        calms=nemesis.calms,
        repeated_from=repeated_from,
        lossy_broker=topology == "embedded",
        leaks=client.told.leaks,
        odd_answers=client.told.odd,
    )
    violations = [*trouble, *check(evidence)]
    seconds = time.monotonic() - began
    return report.Run(
        *(
            topology,
            seed,
            minutes,
            seconds,
            evidence,
            violations,
            crowd,
            client.told,
            nemesis,
            system,
            model,
            open_still,
        )
    )


async def _tell(topology: Topology, began: float, crowd: Crowd, system: System, model: Model) -> None:
    """Progress, line by line."""
    while True:
        await asyncio.sleep(TELL_EVERY)
        accepted, answered = _count(crowd.sent)
        faults = f"{system.kills.total()} kills, {system.pauses.total()} pauses, {model.fired.total()} model faults"
        print(
            f"[{time.monotonic() - began:4.0f} s] {topology}: {accepted} accepted, {answered} answered, {faults}",
            flush=True,
        )


def _count(sent: Sequence[Sent]) -> tuple[int, int]:
    return sum(each.verdict == "accepted" for each in sent), sum(each.settled for each in sent)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description="Kill everything under load and check what is stored.")
    parser.add_argument("--minutes", type=_minutes, default=10.0, help="length of the run on each topology (10)")
    parser.add_argument("--seed", type=int, help="replays the schedule and the clients' plan of a run (random)")
    parser.add_argument("--topology", action="append", choices=TOPOLOGIES, help="repeatable; all four in turn if unset")
    parser.add_argument("--store", dest="topology", action="append", choices=STORES, help="the topology of this name")
    parser.add_argument("--write", action="store_true", help="put the summary into docs/reliability.md")
    parser.add_argument("--keep", type=Path, help="an empty folder in which data and logs stay, but not PostgreSQL's")
    options = parser.parse_args()
    options.seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    options.topology = list(dict.fromkeys(options.topology or TOPOLOGIES))
    return options


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 1 <= minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes from 1 to 1440")
    return minutes


if __name__ == "__main__":
    sys.exit(main())
