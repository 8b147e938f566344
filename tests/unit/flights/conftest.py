"""A supplier for the tests of Duffel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integration.framework.duffel_stub import DuffelStub


@pytest.fixture(scope="module")
def server() -> Iterator[DuffelStub]:
    """One supplier for a file."""
    with DuffelStub() as stub:
        yield stub


@pytest.fixture
def duffel(server: DuffelStub) -> DuffelStub:
    """The supplier as new."""
    server.reset()
    return server
