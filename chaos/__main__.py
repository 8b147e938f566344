"""``python -m chaos``: break everything under load, let it heal, judge what is stored; exits with 1 on a violation."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

from chaos import report
from chaos.busy import Busy
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
SILENT = 2.0
"""Seconds between two looks at the stores in the silence at the end."""
SILENCE = 50.0
"""Seconds that it may take, and one more for each turn of the longest queue."""
LATE_DELIVERY = 15.0
"""Seconds in which a broker hands out once more what a killed sidecar had."""
FINISH_WITHIN = 20.0
REPEAT_WITHIN, REPEATS_A_MINUTE = 90.0, 20
SHOWN = 15
"""Violations of each rule that are printed."""


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
                run = asyncio.run(one_run(topology, options.seed, options.minutes, folder, busy=options.busy))
            except RuntimeProblem as problem:
                print(problem, file=sys.stderr)
                return 1
            except KeyboardInterrupt:
                print("Stopped; nothing was judged.", file=sys.stderr)
                return 130
        told = report.lines(run)
        print("\n".join(told), flush=True)
        shown: Counter[str] = Counter()
        for violation in run.violations:
            shown[violation.rule] += 1
            if shown[violation.rule] <= SHOWN:
                print(f"VIOLATION {violation}", flush=True)
        broken = broken or bool(run.violations)
        if options.write:
            report.write(topology, told)
    return 1 if broken else 0


async def one_run(topology: Topology, seed: int, minutes: float, folder: Path, *, busy: bool) -> report.Run:
    """Break one system for so many minutes, let it heal, and judge it."""
    began, rounds = time.monotonic(), schedule(seed, minutes, topology)
    lossy = topology == "embedded"
    async with Model(seed) as model, System(topology, model.env, folder) as system:
        with Busy() if busy else nullcontext() as other_work:  # from when all is up, which it would only hold up
            client = Client(system.app_urls, system.sidecar_urls)
            crowd = Crowd(client, scripts(seed), lossy_broker=lossy)
            nemesis = Nemesis(system, model, crowd.burst, crowd.hush)
            telling = asyncio.create_task(_tell(topology, began, crowd, system, model))
            trouble: list[Violation] = []
            try:
                try:
                    await nemesis.run(rounds)
                except TimeoutError:
                    trouble.append(Violation("V5", topology, "a part did not come back after the last fault"))
                silence, stuck = await _silence(system, crowd.sent, lossy_broker=lossy)
                nemesis.end_calm()
                open_still = await crowd.finish(FINISH_WITHIN)
                repeated_from = time.time()
                if not await crowd.repeat(REPEAT_WITHIN, round(REPEATS_A_MINUTE * minutes)):
                    trouble.append(Violation("V4", topology, "messages sent once more were not all answered"))
            finally:
                telling.cancel()
                crowd.hush()
                await client.close()
            if other_work is not None and not other_work.at_work:
                nemesis.missed.append("other work for the whole run")
        await system.stack.stop()
        sessions, turns = system.stored()
    trouble += [Violation("V5", part, "was not started again after a kill") for part in system.not_restarted]
    evidence = Evidence(
        sent=crowd.sent,
        sessions=sessions,
        turns=turns,
        asked=model.asked,
        calms=nemesis.calms,
        aways=model.aways,
        stuck=stuck,
        missed=nemesis.missed,
        repeated_from=repeated_from,
        lossy_broker=lossy,
        leaks=client.told.leaks,
        odd_answers=client.told.odd,
    )
    violations = [*trouble, *check(evidence)]
    seconds = time.monotonic() - began
    people = (crowd, client.told, nemesis, system, model)
    return report.Run(
        topology, seed, minutes, seconds, evidence, violations, *people, open_still, silence=silence, busy=busy
    )


async def _silence(system: System, sent: Sequence[Sent], *, lossy_broker: bool) -> tuple[float, list[str]]:
    """Look at nothing but the stores until no turn is open; return how long it took, and what was still open then."""
    began, longest = time.monotonic(), 0
    accepted = [s for s in sent if s.verdict == "accepted" and not (lossy_broker and s.door == "topic")]
    while True:
        sessions, turns = await asyncio.to_thread(system.stored)
        seconds = time.monotonic() - began
        waiting = [turn_id for session in sessions.values() for turn_id in session.waiting]
        longest = max([longest, *(len(session.waiting) for session in sessions.values())])
        over = {(turn.session, turn.messages[0].content) for turn in turns.values()}
        missing = [s.marker for s in accepted if (s.session, s.text) not in over] if not waiting else []
        if not waiting and not missing:
            return seconds, []
        if seconds > SILENCE + longest or (not waiting and seconds > LATE_DELIVERY):
            return seconds, [*waiting, *missing]
        await asyncio.sleep(SILENT)


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
    parser.add_argument("--busy", action="store_true", help="two processes take all the computing time they can get")
    parser.add_argument("--write", action="store_true", help="put the summary into docs/reliability.md")
    parser.add_argument("--keep", type=Path, help="an empty folder in which data and logs stay, but not PostgreSQL's")
    options = parser.parse_args()
    options.seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    if options.keep and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"--keep {options.keep}: the folder is not empty")
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
