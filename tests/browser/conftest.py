"""A real service, a scripted model and a real browser for the tests of the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser
from tests.browser.framework.chromium import chromium
from tests.browser.framework.visit import Visit
from tests.integration.conftest import Scripted, dapr_runtime, scripted, scripted_stack
from tests.integration.framework.client import User
from tests.integration.framework.stores import Chosen

__all__ = ["dapr_runtime", "scripted", "scripted_stack"]

Visitor = Callable[..., Any]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kept_in() -> None:
    """The page knows nothing of stores: one is enough."""
    Chosen.name = "sqlite"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(dapr_runtime: None) -> AsyncIterator[Browser]:
    """One browser for all; every test has profiles of its own."""
    async with chromium() as shared:
        yield shared


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(browser: Browser, scripted: Scripted) -> AsyncIterator[Visitor]:
    """Call it for a traveller in a new profile. Whatever broke in their page fails the test."""
    await User(scripted.stack).call("DELETE", "/users/default")  # without a credential everybody is this user
    visits: list[Visit] = []
    async with AsyncExitStack() as around:

        async def new(url: str | None = None, *, beside: Visit | None = None, **options: Any) -> Visit:
            """``beside`` opens another tab in that traveller's profile; ``options`` are the profile's.

            Nothing moves on the page unless they say so: without a graphics card, drawing a spinner takes a core.
            """
            if beside is not None:
                context = beside.page.context
            else:
                options = {
                    "viewport": {"width": 1280, "height": 800},
                    "locale": "en-GB",
                    "reduced_motion": "reduce",
                    **options,
                }
                context = await browser.new_context(**options)
                around.push_async_callback(context.close)
            visits.append(Visit(await context.new_page(), url or scripted.stack.app_url))
            return visits[-1]

        yield new
        for visit in visits:
            assert visit.trouble == []


@pytest_asyncio.fixture(loop_scope="session")
async def visit(visitor: Visitor) -> Visit:
    """One traveller, who has opened the page."""
    traveller: Visit = await visitor()
    return await traveller.open()
