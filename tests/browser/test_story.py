"""The story of a visit: the first question, the answer as it comes, and what is there when the traveller comes back."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Visitor
from tests.browser.framework.visit import Visit
from tests.integration.conftest import Scripted
from tests.integration.framework.scripted_model import Request, Say, one_search

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "These **eight** words come one after the other."


async def test_a_first_visit_needs_no_manual(visitor: Visitor) -> None:
    """A question and three examples are there; a click on one ends in offers, and the browser keeps an id alone."""
    visit: Visit = await (await visitor()).open()
    page = visit.page
    await expect(page.get_by_role("heading", name="Where would you like to go?")).to_be_visible()
    examples = page.locator(".example")
    await expect(examples).to_have_count(3)
    example = str(await examples.first.text_content())
    await examples.first.click()
    turn = await visit.turn().is_in("answered")
    await expect(turn.asked).to_have_text(example)
    await expect(turn.reply).to_contain_text("Flights to Paris for")
    await expect(turn.locator.locator("tb-offers")).to_contain_text("Sample fares")
    await expect(page.locator("tb-sessions .session-title")).to_have_text([example])
    await expect(page.locator("tb-timeline")).to_contain_text("Searched flights")
    session = await visit.session()
    assert await visit.stored() == {
        "local": {"travelbuddy.session": session}, "session": {}, "cookies": "", "databases": 0, "caches": 0,
    }  # fmt: skip

    await page.reload()
    turn = await visit.turn().is_in("answered")
    await expect(turn.asked).to_have_text(example)
    await expect(turn.locator.locator("tb-offers")).to_contain_text("Sample fares")
    assert await visit.session() == session


async def test_the_answer_is_read_while_it_is_written(visit: Visit, scripted: Scripted) -> None:
    """The first words are on the page long before the model has finished; at the end the reply is whole."""
    scripted.model.script = lambda request: Say(WORDS, delay=0.3)
    await visit.ask("Speak slowly")
    turn = await visit.turn().is_in("running")
    await expect(turn.reply).to_contain_text("These eight")
    assert "other" not in str(await turn.reply.text_content())
    await expect(turn.locator).to_have_attribute("data-state", "running")
    await turn.is_in("answered")
    await expect(turn.reply).to_have_text("These eight words come one after the other.")
    await expect(turn.reply.locator("strong")).to_have_text("eight")


async def test_conversations_are_found_renamed_and_deleted(visit: Visit) -> None:
    """A new conversation begins empty; the list is searched by title; a deleted one is gone from the service too."""
    page = visit.page
    rows = page.locator("tb-sessions .session-title")
    await visit.ask("Something about Lisbon")
    await visit.turn().is_in("answered")
    first = await visit.session()
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.locator("tb-message")).to_have_count(0)
    await visit.ask("Something about Vienna")
    await visit.turn().is_in("answered")
    await expect(rows.nth(0)).to_have_text("Something about Vienna")
    await expect(rows.nth(1)).to_have_text("Something about Lisbon")

    await page.get_by_role("button", name="Rename “Something about Lisbon”").click()
    await page.get_by_label("Title of the conversation").fill("Holidays")
    await page.keyboard.press("Enter")
    await expect(rows.filter(has_text="Holidays")).to_have_count(1)
    await page.get_by_role("searchbox").fill("holi")
    await expect(rows).to_have_text(["Holidays"])
    await rows.first.click()
    await expect(visit.turn().asked).to_have_text("Something about Lisbon")
    assert await visit.session() == first

    await page.get_by_role("button", name="Delete “Holidays”").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(rows).to_have_count(0)
    await expect(page.locator("tb-message")).to_have_count(0)
    answer = await page.request.get(f"{visit.url}/sessions/{first}/history")
    assert answer.status == 404


async def test_a_long_conversation_is_read_page_by_page(visit: Visit, scripted: Scripted) -> None:
    """The latest turns come first; earlier ones are put above them, and what is read stays where it is."""
    scripted.model.script = lambda request: Say("Yes.")
    for number in range(24):
        body = {"user_id": "default", "session_id": "long", "message": f"Question {number}"}
        assert (await visit.page.request.post(f"{visit.url}/chat", data=body)).ok
    await visit.page.goto("about:blank")
    await visit.open("long")
    messages = visit.page.locator("tb-message")
    await expect(messages).to_have_count(20)
    earlier = visit.page.get_by_role("button", name="Show earlier messages")
    await visit.page.locator(".scroller").evaluate("element => element.scrollTo(0, 0)")
    top = await visit.turn(0).asked.bounding_box()
    await earlier.click()
    await expect(messages).to_have_count(24)
    await expect(visit.turn(0).asked).to_have_text("Question 0")
    await expect(earlier).to_be_hidden()
    after = await visit.turn(4).asked.bounding_box()
    assert top is not None
    assert after is not None
    assert abs(top["y"] - after["y"]) < 4


async def test_a_second_message_waits_its_turn(visit: Visit, scripted: Scripted) -> None:
    """A message sent while one is answered is shown with its place, and answered after it, in order."""
    scripted.model.hold(lambda request: True)
    scripted.model.script = lambda request: Say("Answered: " + request["messages"][-1]["content"])
    await visit.ask("one")
    await visit.turn(0).is_in("running")
    await visit.ask("two")
    await visit.ask("three")
    await visit.turn(1).is_in("queued")
    await expect(visit.turn(1).state).to_contain_text("Next in line")
    await expect(visit.turn(2).state).to_contain_text("2 messages before this one")
    scripted.model.release()
    for number, word in enumerate(("one", "two", "three")):
        turn = await visit.turn(number).is_in("answered")
        await expect(turn.reply).to_have_text(f"Answered: {word}")


async def test_stop_ends_the_answer(visit: Visit, scripted: Scripted) -> None:
    """Stop cancels the turn that runs, says so, and the next message is answered."""
    scripted.model.hold(lambda request: request["messages"][-1]["content"] == "endless")
    await visit.ask("endless")
    await visit.turn().is_in("running")
    await visit.page.get_by_role("button", name="Stop this answer").click()
    turn = await visit.turn().is_in("cancelled")
    await expect(turn.state).to_have_text("This answer was stopped.")
    scripted.model.release()
    scripted.model.script = one_search
    await visit.ask("Paris?")
    await visit.turn(1).is_in("answered")
    await expect(visit.page.get_by_role("button", name="Stop this answer")).to_be_hidden()


async def test_a_changed_preference_changes_the_next_answer(visit: Visit, scripted: Scripted) -> None:
    """What is set in the panel is in the next question to the model; what is forgotten there is no more."""

    def echo(request: Request) -> Say:
        prompt = str(request["messages"][0]["content"])
        return Say("aisle it is" if "aisle" in prompt else "no seat known")

    scripted.model.script = echo
    page = visit.page
    await visit.ask("Where do I sit?")
    await expect(visit.turn(0).reply).to_have_text("no seat known")
    await page.get_by_role("button", name="Preferences").click()
    await page.get_by_label("What to remember").fill("seat")
    await page.get_by_label("Its value").fill("aisle")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("tb-preferences [role=status]")).to_have_text("Saved: seat.")
    await page.get_by_role("textbox", name="Home airport").fill("Atlantis")
    await page.keyboard.press("Tab")
    await expect(page.locator("tb-preferences [role=status]")).to_contain_text("Home airport: No airport")
    await page.get_by_role("textbox", name="Home airport").fill("Oslo")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Home airport")).to_have_value("OSL")
    await page.keyboard.press("Escape")
    await visit.ask("And now?")
    await expect(visit.turn(1).reply).to_have_text("aisle it is")
    await page.get_by_role("button", name="Preferences").click()
    await page.get_by_role("button", name="Forget seat").click()
    await expect(page.get_by_role("textbox", name="seat", exact=True)).to_have_count(0)
    await page.keyboard.press("Escape")
    await visit.ask("And in the end?")
    await expect(visit.turn(2).reply).to_have_text("no seat known")
