"""For all tests: property tests have no deadline, and in CI the same examples at every run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("people", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "people")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which stores the integration tests run on: here, because pytest reads no option from a deeper folder."""
    names = ("sqlite", "redis", "postgres")
    text = "run all integration tests on this store only; may be given several times"
    parser.addoption("--store", action="append", choices=names, help=text)
    text = "run each integration test on every store that its marker allows, not on SQLite alone where it has none"
    parser.addoption("--every-store", action="store_true", help=text)
