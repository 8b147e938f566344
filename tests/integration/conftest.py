"""Stacks for the integration tests. Everything below this folder needs Dapr's programs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.postgres_server import PostgresServer
from tests.integration.framework.redis_server import redis_program
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import Chosen, stores_of

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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test runs on the stores that its marker names, all of one store after all of another; see `stores_of`."""
    option, marker = metafunc.config.getoption, metafunc.definition.get_closest_marker("stores")
    named, gate = (None, None) if marker is None else (marker.args, marker.kwargs.get("gate"))
    names = stores_of(named, option("store"), every=option("every_store"), gate=gate)
    if marker is not None and not names:
        elsewhere = pytest.mark.skip(reason=f"only on {', '.join(marker.args)}: {marker.kwargs['because']}")
        metafunc.parametrize("kept_in", [pytest.param("", marks=elsewhere)], indirect=True, scope="session")
    else:
        metafunc.parametrize("kept_in", names, indirect=True, scope="session")


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def kept_in(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The store of the tests that run now; where its server is not installed they are skipped, and fail in CI."""
    Chosen.name = request.param
    async with AsyncExitStack() as around:
        if request.param != "sqlite":
            redis_program("redis-server")
        if request.param == "postgres":
            Chosen.postgres = await around.enter_async_context(PostgresServer())
        yield
        Chosen.name, Chosen.postgres = "sqlite", None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(dapr_runtime: None, kept_in: None) -> AsyncIterator[Stack]:
    """One stack with the offline model, shared by all tests that neither kill nor configure anything."""
    async with Stack() as shared:
        yield shared


@dataclass(frozen=True)
class Scripted:
    """A stack whose model is a script."""

    stack: Stack
    model: ScriptedModel


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scripted_stack(dapr_runtime: None, kept_in: None) -> AsyncIterator[Scripted]:
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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def killable_stack(dapr_runtime: None, kept_in: None) -> AsyncIterator[Scripted]:
    """One stack with a scripted model for the tests that kill its parts."""
    with ScriptedModel() as model:
        async with Stack(env=model.env) as shared:
            yield Scripted(shared, model)


@pytest_asyncio.fixture(loop_scope="session")
async def killable(killable_stack: Scripted) -> AsyncIterator[Scripted]:
    """That stack, ready whatever the test before killed, its script and log as new."""
    killable_stack.model.reset()
    if killable_stack.stack.process.poll() is not None:
        await killable_stack.stack.start()
    await poll_until(User(killable_stack.stack).ready, 30, "the service is ready after the test before")
    yield killable_stack
    killable_stack.model.reset()
