"""A traveller's visit of the page: what they see, and what they do, in the page's own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import ConsoleMessage, Page, expect

LONGEST = 20_000
"""Milliseconds that anything on the page may take."""
QUIET = "Failed to load resource"
"""How Chromium notes an answer that is an error, or none; the page is to cope with those."""


@dataclass
class Visit:
    """One page of one service. ``trouble`` is what broke in it: errors of scripts, and of the content policy."""

    page: Page
    url: str
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(LONGEST)
        self.page.on("pageerror", lambda error: self.trouble.append(f"{error.name}: {error.message}"))
        self.page.on("console", self._said)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and QUIET not in message.text:
            self.trouble.append(message.text)

    async def open(self, session: str | None = None) -> Visit:
        """Load the page, and wait until something can be written."""
        await self.page.goto(f"{self.url}/#session={session}" if session else f"{self.url}/")
        await expect(self.page.locator("#message")).to_be_enabled()
        await expect(self.page.locator("tb-chat .loading")).to_be_hidden()
        await expect(self.page.locator("#model-badge")).not_to_be_empty()
        return self

    async def ask(self, text: str) -> None:
        """Write a message and send it."""
        await self.page.fill("#message", text)
        await self.page.keyboard.press("Enter")

    async def session(self) -> str:
        """The id of the session that is shown."""
        return str(await self.page.evaluate("localStorage.getItem('travelbuddy.session')"))

    async def stored(self) -> dict[str, Any]:
        """Everything that the browser keeps for this service."""
        return dict(
            await self.page.evaluate(
                """async () => ({
                  local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie,
                  databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
                })"""
            )
        )

    def turn(self, number: int = -1) -> Turn:
        """A turn of the conversation, the latest one if none is named."""
        return Turn(self.page.locator("tb-message").nth(number))


class Turn:
    """What is shown of one turn."""

    def __init__(self, locator: Any) -> None:
        self.locator = locator
        self.reply = locator.locator(".reply")
        self.state = locator.locator(".turn-state")
        self.asked = locator.locator(".asked")

    async def is_in(self, state: str) -> Turn:
        """Wait until the turn stands so."""
        await expect(self.locator).to_have_attribute("data-state", state, timeout=LONGEST)
        return self
