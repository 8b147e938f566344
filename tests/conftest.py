"""For all tests: property tests have no deadline, and in CI the same examples at every run; logs are plain."""

from __future__ import annotations

import os

import pytest
import structlog
from hypothesis import settings
from tests.sizes import Sizes, examples

EXAMPLES = 100
"""Of a property test that names no number."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which stores the integration tests run on: here, because pytest reads no option from a deeper folder."""
    names = ("sqlite", "redis", "postgres")
    text = "run all integration tests on this store only; may be given several times"
    parser.addoption("--store", action="append", choices=names, help=text)
    text = "run each integration test on every store that its marker allows, not on SQLite alone where it has none"
    parser.addoption("--every-store", action="store_true", help=text)
    text = "try claims about many with as many as they name, not with fewer, and each case of those about several"
    parser.addoption("--full-size", action="store_true", help=text)
    text = "only or never what needs the machine for itself"
    parser.addoption("--alone", choices=("only", "never"), help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Sizes, before any test is imported; exceptions are logged without what their variables held, which takes long."""
    Sizes.full = config.getoption("--full-size")
    settings.register_profile("people", deadline=None, max_examples=examples(EXAMPLES))
    settings.register_profile("ci", settings.get_profile("people"), derandomize=True, print_blob=True)
    settings.load_profile("ci" if os.environ.get("CI") else "people")
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what ``--alone`` says, and what is for ``--full-size`` only."""
    alone, full_size = config.getoption("--alone"), config.getoption("--full-size")

    def wanted(item: pytest.Item) -> bool:
        marked = item.get_closest_marker("alone") is not None
        if alone is not None and marked != (alone == "only"):
            return False
        return full_size or item.get_closest_marker("full_size") is None

    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = filter(wanted, items)


@pytest.fixture
def full_size(request: pytest.FixtureRequest) -> bool:
    """Whether claims about many are to be tried with as many as they name; the gate tries them with fewer."""
    return bool(request.config.getoption("--full-size"))
