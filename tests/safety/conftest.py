"""What the safety tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integration.framework.stores import Chosen


@pytest.fixture(scope="module", autouse=True)
def embedded() -> Iterator[None]:
    """Stacks on the embedded default, whatever store the integration tests of the same run ended with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chosen, "name", "sqlite")
        yield
