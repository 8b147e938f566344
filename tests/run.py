"""``python -m tests.run``: all tests, for `make test` and `make verify`.

Those that mostly wait, for stacks and for the browser, run in two workers of pytest-xdist, file by file; beside them,
at a lower priority, a third process runs all that mostly computes. When all are done, the tests marked ``alone`` run,
which hold times and need the machine for themselves. Arguments go to all. Where one of them is a path, one pytest runs
it.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent
WAITING = ("integration", "browser")
ALONE = "mark.alone"
WORKERS = 2
TELL_EVERY = 20.0
SLOWEST = 30
NOTHING_COLLECTED = 5
WITH_VALUE = {"-k", "-m", "-p", "-o", "-c", "-W", "-n", "--store", "--durations", "--timeout", "--rootdir", "--tb"}
_OUTCOME = re.compile(
    r"(?:^|\s)(?P<outcome>PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b.*\[ *(?P<percent>\d+)%\]\s*$"
    r"|^\[gw\d+\] \[ *(?P<percent_of_all>\d+)%\] (?P<outcome_there>[A-Z]+)\b"  # as pytest-xdist has it
)
_DETAILS = re.compile(r"^=+ (FAILURES|ERRORS|warnings summary|short test summary info) =+$")
_LINE_LIMIT = 2**26  # a failed assertion may print a whole history in one line


@dataclass(frozen=True)
class Timed:
    """What one test took, with its share of setting up and taking down."""

    seconds: float
    name: str


@dataclass(frozen=True)
class Counted:
    """The sums of one pytest process's report."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    times: tuple[Timed, ...] = ()


@dataclass
class Group:
    """The tests of one process, and what is known of them while they run."""

    name: str
    paths: list[str]
    options: tuple[str, ...] = ()
    niceness: int = 0
    percent: int = 0
    failed: int = 0
    code: int = -1
    details: list[str] = field(default_factory=list)
    counted: Counted = Counted()

    def heard(self, line: str) -> str | None:
        """Take in a line of pytest's; returns what is to be shown of it at once."""
        if self.details or _DETAILS.match(line):
            self.details.append(line)
        elif (outcome := _OUTCOME.search(line)) is not None:
            self.percent = int(outcome["percent"] or outcome["percent_of_all"])
            if (outcome["outcome"] or outcome["outcome_there"]) in {"FAILED", "ERROR"}:
                self.failed += 1
                return line
        return None


def stages(tests: Path = TESTS) -> list[list[Group]]:
    """Every folder of tests: the groups of a stage run side by side, one stage after the other."""
    folders = sorted(path.name for path in tests.iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    waiting = [str(tests / name) for name in WAITING if name in folders]
    computing = [str(tests / name) for name in folders if name not in WAITING]
    files = [path for folder in computing + waiting for path in Path(folder).rglob("test_*.py")]
    alone = [str(path) for path in files if ALONE in path.read_text()]
    workers = (f"-n{WORKERS}", "--dist=loadfile", "--no-loadscope-reorder")
    return [
        [
            Group("waiting", waiting, ("--alone=never", *workers)),
            Group("computing", computing, ("--alone=never",), niceness=10),
        ],
        [Group("alone", alone, ("--alone=only",))],
    ]


def names_a_path(arguments: Sequence[str], here: Path) -> bool:
    """Whether pytest is asked for certain files."""
    before = ""
    for argument in arguments:
        if not argument.startswith("-") and before not in WITH_VALUE and (here / argument.partition("::")[0]).exists():
            return True
        before = argument
    return False


def read(report: Path) -> Counted:
    """The sums of a JUnit report; a process that wrote none has failed as a whole."""
    if not report.exists():
        return Counted(failed=1)
    root = ElementTree.parse(report).getroot()  # noqa: S314  pytest wrote it just now
    times, failed, skipped = [], 0, 0
    for case in root.iter("testcase"):
        times.append(Timed(float(case.get("time", "0")), f"{case.get('classname')}::{case.get('name')}"))
        kinds = {part.tag for part in case}
        failed += bool(kinds & {"failure", "error"})
        skipped += kinds.isdisjoint({"failure", "error"}) and "skipped" in kinds
    return Counted(len(times) - failed - skipped, failed, skipped, tuple(times))


def exit_code(codes: Sequence[int]) -> int:
    """Of several processes: nothing to run in one of them is no failure while another had something."""
    ran = [code for code in codes if code != NOTHING_COLLECTED]
    return next((code for code in ran if code), 0) if ran else NOTHING_COLLECTED


def summary(counted: Sequence[Counted], seconds: float) -> str:
    """The slowest tests, and the closing line."""
    times = sorted((one for part in counted for one in part.times), key=lambda one: -one.seconds)
    skipped = sum(part.skipped for part in counted)
    closing = f"{sum(part.passed for part in counted)} passed, {sum(part.failed for part in counted)} failed"
    closing += f", {skipped} skipped" if skipped else ""
    slowest = [f"{one.seconds:7.2f} s  {one.name:.110}" for one in times[:SLOWEST]]
    return "\n".join(["", f"The slowest {len(slowest)}:", *slowest, "", f"{closing} in {_clock(seconds)}"])


async def _run(group: Group, arguments: Sequence[str], folder: Path) -> None:
    report = folder / f"{group.name}.xml"
    command = [sys.executable, "-m", "pytest", "-v", *group.paths, *group.options, f"--junitxml={report}"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *("-o", "junit_duration_report=total", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=lambda: os.nice(group.niceness),
        limit=_LINE_LIMIT,
    )
    assert process.stdout is not None
    async for line in process.stdout:
        shown = group.heard(line.decode(errors="replace").rstrip())
        if shown is not None:
            print(f"{group.name}: {shown}", flush=True)
    group.code = await process.wait()
    group.counted = read(report) if group.code != NOTHING_COLLECTED else Counted()


async def _tell(running: Sequence[Group], began: float) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY)
        parts = [f"{one.name} {one.percent} %" + (f" ({one.failed} failed)" if one.failed else "") for one in running]
        print(f"{_clock(time.monotonic() - began):>10}  {', '.join(parts)}", flush=True)


async def _all(arguments: Sequence[str]) -> int:
    began, all_stages = time.monotonic(), stages()
    everything = [group for stage in all_stages for group in stage]
    with tempfile.TemporaryDirectory(prefix="travelbuddy-tests-") as folder:
        for stage in all_stages:
            telling = asyncio.create_task(_tell(stage, began))
            await asyncio.gather(*(_run(group, arguments, Path(folder)) for group in stage))
            telling.cancel()
    for group in everything:
        if group.code not in {0, NOTHING_COLLECTED}:
            print(f"\n{group.name}: pytest ended with {group.code}", *group.details, sep="\n")
    print(summary([group.counted for group in everything], time.monotonic() - began), flush=True)
    return exit_code([group.code for group in everything])


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def main() -> int:
    """Run the tests; pytest's exit code."""
    arguments = sys.argv[1:]
    if names_a_path(arguments, Path.cwd()):
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606
    try:
        return asyncio.run(_all(arguments))
    except KeyboardInterrupt:  # pytest had it too, and has ended
        return 130


if __name__ == "__main__":
    sys.exit(main())
