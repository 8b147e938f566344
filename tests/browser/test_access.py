"""For everybody: with the keyboard alone, with a screen reader, on a phone, in light and dark; and quickly there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from tests.browser.conftest import Visitor
from tests.browser.framework.visit import Visit
from tests.integration.conftest import Scripted
from tests.integration.framework.scripted_model import Call, Request, Say, one_search

import travelbuddy

pytestmark = pytest.mark.asyncio(loop_scope="session")

WEB = Path(travelbuddy.__file__).parent / "web"
MOST_BYTES = 150 * 1024
FIRST_PAINT = 1_000
EVERYTHING = """# Found

1. **One** `code`
2. [Two](https://example.com)

| a | b |
|---|---|
| 1 | 2 |

```
code
```
"""
TOO_WIDE = """() => {
  const boxes = document.querySelectorAll(".scroller, .side[data-open=true], dialog[open]");
  const wide = [document.scrollingElement, ...boxes];
  const names = wide.filter((one) => one.scrollWidth > one.clientWidth).map((one) => `${one.tagName}.${one.className}`);
  const inside = names.length ? [...document.querySelectorAll("body *")] : [];
  const out = inside.filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
  return [...names, ...out.slice(0, 8).map((one) => one.outerHTML.slice(0, 120))];
}"""
NAME = """() => {
  const { ariaLabel, labels, textContent } = document.activeElement;
  return ariaLabel || labels?.[0]?.textContent || textContent;
}"""
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


async def violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical, each with the first place it is found at."""
    found = (await Axe().run(page)).response["violations"]
    grave = [one for one in found if one["impact"] in {"serious", "critical"}]
    return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in grave]


async def too_wide(page: Page) -> list[str]:
    """What reaches out of the window sideways, although nothing around it scrolls or hides it."""
    return [str(name) for name in await page.evaluate(TOO_WIDE)]


def markdown_reply(request: Request) -> Say | Call:
    """A search, then a reply with everything that Markdown has."""
    answer = one_search(request)
    return Say(EVERYTHING) if isinstance(answer, Say) else answer  # type: ignore[return-value]


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.full_size)])
async def test_axe_finds_nothing_serious(visitor: Visitor, scripted: Scripted, scheme: Any) -> None:
    """Empty, answered with offers, renaming, asking whether to delete, remembering, and while it runs."""
    visit: Visit = await (await visitor(color_scheme=scheme)).open()
    page = visit.page
    assert await violations(page) == []
    scripted.model.script = markdown_reply
    await visit.ask("Everything, please")
    await visit.turn().is_in("answered")
    assert await violations(page) == []
    await page.get_by_role("button", name="Rename").first.click()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Delete").first.click()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Preferences").click()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    scripted.model.hold(lambda request: True)
    await visit.ask("And one that waits")
    await visit.turn().is_in("running")
    await visit.ask("And one behind it")
    await visit.turn().is_in("queued")
    assert await violations(page) == []


async def test_a_phone_shows_everything(visitor: Visitor, scripted: Scripted) -> None:
    """At 360 pixels nothing is cut off: the conversation, both drawers, the preferences; drawers close again."""
    visit: Visit = await (await visitor(**PHONE)).open()
    page = visit.page
    assert await too_wide(page) == []
    scripted.model.script = markdown_reply
    await visit.ask("A longer question about flights to Paris, with averyveryverylongwordthatdoesnotfitintoaline" * 2)
    await visit.turn().is_in("answered")
    assert await too_wide(page) == []
    assert await violations(page) == []
    await page.get_by_role("button", name="Conversations").click()
    await expect(page.get_by_role("button", name="New conversation")).to_be_in_viewport()
    await expect(page.get_by_role("button", name="New conversation")).to_be_focused()
    assert await too_wide(page) == []
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="New conversation")).not_to_be_in_viewport()
    await page.get_by_role("button", name="Steps", exact=True).click()
    await expect(page.locator("tb-timeline")).to_be_in_viewport()
    assert await too_wide(page) == []
    await page.mouse.click(5, 400)
    await expect(page.locator("#timeline")).to_have_attribute("data-open", "false")
    await page.get_by_role("button", name="Preferences").click()
    assert await too_wide(page) == []


async def test_everything_by_keyboard(visit: Visit) -> None:
    """The first Tab leads to the message; Enter sends, Shift+Enter does not; every button on the way is named."""
    page = visit.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the message")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#message")).to_be_focused()
    await page.keyboard.type("first line")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second line")
    await expect(page.locator("#message")).to_have_value("first line\nsecond line")
    await page.keyboard.press("Enter")
    turn = await visit.turn().is_in("answered")
    await expect(turn.asked).to_have_text("first line\nsecond line")
    await expect(page.locator("#announce")).to_contain_text("TravelBuddy:")
    await expect(page.get_by_role("button", name="Rename “first line second line”")).to_be_visible()

    seen: list[str] = []
    while "Rename “first line second line”" not in seen and len(seen) < 40:
        await page.keyboard.press("Tab")
        seen.append(str(await page.evaluate(NAME)))
    assert all(name.strip() for name in seen)
    await page.keyboard.press("Enter")
    await page.keyboard.type("By hand")
    await page.keyboard.press("Enter")
    await expect(page.locator("tb-sessions .session-title")).to_contain_text(["By hand"])
    await expect(page.get_by_role("button", name="Rename “By hand”")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Keep")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Where would you like to go?")).to_be_visible()


async def test_it_is_small_and_quickly_there(visitor: Visitor) -> None:
    """All files together are under 150 KB as they are sent, and the first paint comes within a second."""
    sizes = {file.name: len(gzip.compress(file.read_bytes())) for file in WEB.rglob("*") if file.is_file()}
    assert sum(sizes.values()) < MOST_BYTES, json.dumps(sizes)
    visit: Visit = await (await visitor()).open()
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    assert await visit.page.evaluate(paint) < FIRST_PAINT
    sent = "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0)"
    assert await visit.page.evaluate(sent) < MOST_BYTES
    loaded = await visit.page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert all(str(name).startswith(visit.url) for name in loaded)
