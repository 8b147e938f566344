"""Stacks for the integration tests. Everything below this folder needs Dapr's programs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.install import ensure_runtime


@pytest.fixture(scope="session", autouse=True)
def dapr_runtime() -> None:
    """Dapr is here, or was just built; else the tests are skipped with the reason, and fail where CI runs them."""
    try:
        ensure_runtime()
    except RuntimeProblem as problem:
        if os.environ.get("CI"):
            pytest.fail(f"Dapr is needed: {problem}", pytrace=False)
        pytest.skip(f"Dapr is needed: {problem}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(dapr_runtime: None) -> AsyncIterator[Stack]:
    """One stack with the offline model, shared by all tests that neither kill nor configure anything."""
    async with Stack() as shared:
        yield shared


@dataclass(frozen=True)
class Scripted:
    """A stack whose model is a script."""

    stack: Stack
    model: ScriptedModel


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scripted_stack(dapr_runtime: None) -> AsyncIterator[Scripted]:
    """One stack with a scripted model, shared by the tests that kill nothing."""
    with ScriptedModel() as model:
        async with Stack(env=model.env) as shared:
            yield Scripted(shared, model)


@pytest.fixture
def scripted(scripted_stack: Scripted) -> Iterator[Scripted]:
    """The shared scripted stack, its script and log as new before and after the test."""
    scripted_stack.model.reset()
    yield scripted_stack
    scripted_stack.model.reset()
