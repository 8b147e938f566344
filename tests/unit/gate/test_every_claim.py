"""The gate leaves out stores, never tests; `make verify` leaves out neither."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.framework.stores import STORES, stores_of

ROOT = Path(__file__).resolve().parents[3]
_TEST = re.compile(r"^(tests/integration/\S+?::\w+)\[(\w+)[-\]]")


@pytest.mark.parametrize("named", [None, ("sqlite",), ("redis", "postgres"), STORES])
def test_where_a_test_runs(named: tuple[str, ...] | None) -> None:
    """The gate runs a test on every store its claim is about, else on one; all of them are wanted by `--every-store`.

    `--store` leaves of all those one, and nothing where the claim is about others.
    """
    everywhere = list(named or STORES)
    assert stores_of(named, None, every=True) == everywhere
    assert stores_of(named, None, every=False) == (everywhere if named else ["sqlite"])
    assert stores_of(named, None, every=False, gate=everywhere[:1]) == everywhere[:1]
    assert stores_of(named, None, every=True, gate=everywhere[:1]) == everywhere
    for store in STORES:
        expected = [store] if store in everywhere else []
        assert stores_of(named, [store], every=False) == stores_of(named, [store], every=True) == expected


_TWICE = """
import pytest
for options in ([], ["--every-store", "--full-size"]):
    pytest.main(["tests/integration", "--collect-only", "-q", *options])
    print("then")
"""
"""Both in one process: most of what collecting costs is the import of what the tests need."""


def _collected() -> list[set[tuple[str, str]]]:
    """The tests of the gate and those of `make verify`, each with its store."""
    command = [sys.executable, "-c", _TWICE]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    parts = printed.split("\nthen\n")[:2]
    return [{(found[1], found[2]) for found in map(_TEST.match, part.splitlines()) if found} for part in parts]


def test_the_gate_has_every_test_and_verify_all_of_the_gate() -> None:
    """No test function is missing from the gate, and each of its tests is in `make verify` on the same store."""
    gate, verify = _collected()
    assert gate
    assert {test for test, _ in gate} == {test for test, _ in verify}
    assert gate < verify
