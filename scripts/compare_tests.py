"""``python scripts/compare_tests.py DIR``: which integration tests of another checkout are gone from here.

Both are collected, the other one with all its stores, this one with ``--every-store``; a test that ran there on a store
and does not here is printed, and is exit code 1. It compares functions: a claim that was moved or split is printed too.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
_TEST = re.compile(r"^tests/integration/\S+?::(\w+)\[(\w+)[-\]]")


def collected(checkout: Path, *options: str) -> set[tuple[str, str]]:
    """The tests of a checkout, each with a store that it runs on."""
    command = [".venv/bin/python", "-m", "pytest", "tests/integration", "--collect-only", "-q", *options]
    printed = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout
    return {(found[1], found[2]) for found in map(_TEST.match, printed.splitlines()) if found}


def main() -> int:
    """Print what is gone."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    before, here = collected(Path(sys.argv[1])), collected(HERE, "--every-store")
    gone = sorted(before - here)
    for test, store in gone:
        print(f"{test} on {store}")
    print(f"{len(before)} pairs of test and store there, {len(here)} here, {len(gone)} of those there are not here.")
    return int(bool(gone))


if __name__ == "__main__":
    sys.exit(main())
