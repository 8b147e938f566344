"""Text stays text, whoever wrote it, and a credential stays in the page's memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Route, expect
from tests.browser.conftest import Visitor
from tests.browser.framework.visit import Visit
from tests.integration.conftest import Scripted
from tests.integration.framework.scripted_model import Say, ScriptedModel
from tests.integration.framework.stack import Stack

from travelbuddy.access.api_keys import add_key

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><b>bold</b>'
HOSTILE_REPLY = HOSTILE + " [click](javascript:window.hacked=1) [data](data:text/html,<script>window.hacked=1</script>)"


async def test_hostile_texts_stay_texts(visit: Visit, scripted: Scripted) -> None:
    """Markup in a message, a reply, a title, a preference and a carrier's name is shown as it was written."""
    page = visit.page

    async def renamed_carriers(route: Route) -> None:
        answer = await route.fetch()
        body = json.loads(await answer.text())
        for turn in body["turns"]:
            for offer in (turn.get("offers") or {}).get("offers", []):
                offer["owner"]["name"] = HOSTILE
                for part in (segment for one in offer["slices"] for segment in one["segments"]):
                    part["marketing_carrier"]["name"] = HOSTILE
        await route.fulfill(response=answer, json=body)

    await visit.ask("Paris?")
    await visit.turn().is_in("answered")
    scripted.model.script = lambda request: Say(HOSTILE_REPLY)
    await visit.ask(HOSTILE)
    await visit.turn(1).is_in("answered")
    user = f"{visit.url}/users/default"
    await page.request.patch(user, data={"motto": HOSTILE, "name": HOSTILE})
    await page.request.patch(f"{visit.url}/sessions/{await visit.session()}", data={"title": HOSTILE[:80]})
    await page.route("**/history*", renamed_carriers)
    await page.reload()
    turn = await visit.turn(1).is_in("answered")
    await expect(turn.asked).to_have_text(HOSTILE)
    await expect(turn.reply).to_have_text(HOSTILE_REPLY)
    await expect(turn.reply.locator("a, img, script, b")).to_have_count(0)
    await expect(page.locator("tb-sessions .session-title").first).to_have_text(HOSTILE[:80])
    await expect(visit.turn(0).locator.locator("tb-offers")).to_contain_text(HOSTILE)
    await page.get_by_role("button", name="Preferences").click()
    await expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value(HOSTILE)
    await expect(page.get_by_role("textbox", name="motto", exact=True)).to_have_value(HOSTILE)
    assert await page.evaluate("window.hacked") is None
    assert await page.locator("body img, body script").count() == 0
    await page.request.patch(user, data={"motto": None, "name": None})


async def test_a_key_is_asked_for_and_kept_nowhere(visitor: Visitor, tmp_path: Path) -> None:
    """With AUTH=api-key the page asks for a key, says when it is wrong, works with the right one, and forgets it."""
    file = tmp_path / "keys"
    key = add_key(file, "ada")
    env = {"AUTH": "api-key", "API_KEYS_FILE": str(file)}
    with ScriptedModel(lambda request: Say("Hello, Ada.")) as model:
        async with Stack(env={**model.env, **env}) as stack:
            visit: Visit = await visitor(stack.app_url)
            page = visit.page
            await page.goto(stack.app_url)
            dialog = page.get_by_role("dialog", name="Sign in")
            await dialog.get_by_label("API key").fill("tb_wrong")
            await page.keyboard.press("Enter")
            await expect(dialog.get_by_role("alert")).to_contain_text("not accepted")
            await dialog.get_by_label("API key").fill(key)
            await page.keyboard.press("Enter")
            await expect(dialog).to_be_hidden()
            await visit.ask("Who am I?")
            await expect((await visit.turn().is_in("answered")).reply).to_have_text("Hello, Ada.")
            assert key not in json.dumps(await visit.stored())
            await page.reload()
            await expect(dialog).to_be_visible()
            await expect(page.locator("tb-message")).to_have_count(0)


async def test_everything_can_be_taken_out_and_erased(visit: Visit, tmp_path: Path) -> None:
    """The export is the service's own document; after erasing nothing is left anywhere, and a new visit begins."""
    page = visit.page
    await visit.ask("Forget me")
    await visit.turn().is_in("answered")
    session = await visit.session()
    await page.get_by_role("button", name="Preferences").click()
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="Export everything").click()
    await (await coming.value).save_as(tmp_path / "export.json")
    exported = json.loads((tmp_path / "export.json").read_text())
    assert session in [one["session_id"] for one in exported["sessions"]]
    await page.get_by_role("button", name="Erase everything…").click()
    await page.get_by_role("button", name="Keep").click()
    await page.get_by_role("button", name="Erase everything…").click()
    await page.get_by_role("button", name="Erase everything", exact=True).click()
    await expect(page.get_by_role("heading", name="Where would you like to go?")).to_be_visible()
    await expect(page.locator("tb-sessions .session-title")).to_have_count(0)
    assert await visit.session() != session
    assert (await page.request.get(f"{visit.url}/sessions/{session}/history")).status == 404
