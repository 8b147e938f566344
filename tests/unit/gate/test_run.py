"""`make test` in several processes: none of the tests is forgotten, and no failure is lost between them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.run import TESTS, Counted, Group, Timed, exit_code, names_a_path, read, stages, summary

REPORT = """<testsuites><testsuite name="pytest">
<testcase classname="tests.unit.test_a" name="test_one" time="0.5" />
<testcase classname="tests.unit.test_a" name="test_two" time="2.25"><failure message="no">no</failure></testcase>
<testcase classname="tests.unit.test_a" name="test_three" time="0"><skipped message="not here" /></testcase>
<testcase classname="tests.unit.test_a" name="test_four" time="1"><error message="at its end">no</error></testcase>
</testsuite></testsuites>"""


def test_every_folder_of_tests_runs_in_exactly_one_process() -> None:
    """A new folder of tests belongs to one of the two without anybody's doing; what is to run alone runs afterwards."""
    beside, after = stages()
    found = [path for group in beside for path in group.paths]
    marked = [str(path) for path in TESTS.rglob("test_*.py") if "mark.alone" in path.read_text()]
    assert [(sorted(group.paths), group.options) for group in after] == [(sorted(marked), ("--alone=only",))]
    assert marked
    folders = [str(path) for path in TESTS.iterdir() if any(path.rglob("test_*.py"))]
    assert sorted(found) == sorted(folders)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["tests/unit"], True),
        (["-x", "tests/conftest.py::test_it"], True),
        (["-k", "tests"], False),
        (["--store", "sqlite", "-x"], False),
        ([], False),
    ],
)
def test_a_path_is_told_from_a_value(arguments: list[str], path: bool) -> None:
    """One plain pytest runs where files are named; the value of an option names none."""
    assert names_a_path(arguments, TESTS.parent) is path


@pytest.mark.parametrize(
    ("codes", "code"),
    [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([0, 5], 0), ([5, 1], 1), ([5, 5], 5), ([0, -9], -9), ([2, 0], 2)],
)
def test_one_failed_process_fails_the_whole(codes: list[int], code: int) -> None:
    """Any failure counts, also of a process that was killed; nothing to run is no failure unless it is so in both."""
    assert exit_code(codes) == code


def test_a_report_is_summed_up(tmp_path: Path) -> None:
    """Passed, failed, in trouble while it ends, skipped: each test is counted once, the slowest are named first."""
    (tmp_path / "report.xml").write_text(REPORT, encoding="utf-8")
    counted = read(tmp_path / "report.xml")
    assert (counted.passed, counted.failed, counted.skipped) == (1, 2, 1)
    told = summary([counted, Counted(2, 0, 0, (Timed(1.5, "tests.unit.test_b::test_one"),))], 75).splitlines()
    assert told[-1] == "3 passed, 2 failed, 1 skipped in 1 min 15 s"
    assert [line.split()[0] for line in told if " s  " in line] == ["2.25", "1.50", "1.00", "0.50", "0.00"]


def test_a_process_without_a_report_is_a_failure(tmp_path: Path) -> None:
    """A pytest that died before it could write its report has not passed."""
    assert read(tmp_path / "missing.xml").failed == 1


def test_failures_are_shown_at_once_and_their_details_at_the_end() -> None:
    """Of pytest's lines only failures are shown while it runs; from its first details on all are kept."""
    group = Group("waiting", [])
    assert group.heard("tests/a.py::test_one PASSED    [ 25%]") is None
    assert group.heard("tests/a.py::test_two FAILED    [ 50%]") == "tests/a.py::test_two FAILED    [ 50%]"
    assert group.heard("SKIPPED (only on redis: a file does not hang) [100%]") is None
    assert (group.percent, group.failed) == (100, 1)
    assert group.heard("[gw1] [ 12%] PASSED tests/a.py::test_three@a.py-sqlite ") is None
    assert group.heard("[gw0] [ 13%] ERROR tests/a.py::test_four ") == "[gw0] [ 13%] ERROR tests/a.py::test_four "
    assert (group.percent, group.failed) == (13, 2)
    assert group.heard("=========== FAILURES ===========") is None
    assert group.heard("tests/a.py::test_two FAILED    [ 50%]") is None
    assert len(group.details) == 2
