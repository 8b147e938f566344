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
    text = "try claims about many with as many as they name, not with fewer"
    parser.addoption("--full-size", action="store_true", help=text)
    text = "only or never what needs the machine for itself"
    parser.addoption("--alone", choices=("only", "never"), help=text)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what ``--alone`` says; the tests of a file that run on one store stay together in one worker."""
    wanted = config.getoption("--alone")
    if wanted is not None:
        chosen = [item for item in items if (item.get_closest_marker("alone") is not None) == (wanted == "only")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen
    for item in items:
        callspec = getattr(item, "callspec", None)
        store = callspec.params.get("kept_in", "") if callspec is not None else ""
        item.add_marker(pytest.mark.xdist_group(f"{item.path.name}-{store}"))


@pytest.fixture
def full_size(request: pytest.FixtureRequest) -> bool:
    """Whether claims about many are to be tried with as many as they name; the gate tries them with fewer."""
    return bool(request.config.getoption("--full-size"))
