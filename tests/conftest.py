"""For all tests: property tests have no deadline, and in CI the same examples at every run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("people", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "people")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `pytest --store` chooses: here, because pytest reads no option from a deeper folder."""
    names = ("sqlite", "redis", "postgres")
    text = "run the integration tests on this store only; may be given several times (all that are installed)"
    parser.addoption("--store", action="append", choices=names, help=text)
