"""What breaks between the page and the service heals by itself, and the page says what is going on."""

from __future__ import annotations

import pytest
from playwright.async_api import Route, expect
from tests.browser.conftest import Visitor
from tests.browser.framework.visit import Visit
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Call, Request, Say, one_search

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "one two three four five six seven eight"


async def test_a_killed_service_is_waited_for_and_the_answer_arrives(visit: Visit, scripted: Scripted) -> None:
    """When the app is killed in the middle of an answer: "Reconnecting…", then the rest, once, without a click."""

    def slowly(request: Request) -> Say | Call:
        answer = one_search(request)
        return Say(WORDS, delay=0.4) if isinstance(answer, Say) else answer  # type: ignore[return-value]

    scripted.model.script = slowly
    await visit.ask("Survive this")
    turn = visit.turn()
    await expect(turn.reply).to_contain_text("two")
    await scripted.stack.kill("app")
    await turn.is_in("reconnecting")
    await expect(turn.state).to_contain_text("Reconnecting…")
    await expect(turn.reply).to_contain_text("two")
    await turn.is_in("running")  # followed again, word by word, not only looked up at the end
    await turn.is_in("answered")
    await expect(turn.reply).to_have_text(WORDS)
    await expect(visit.page.locator("#notice")).to_be_hidden()
    stored = await User(scripted.stack).history(await visit.session())
    assert [one["outcome"] for one in stored] == ["answered"]
    await visit.ask("And go on")
    await visit.turn(1).is_in("answered")


async def test_a_message_that_did_not_get_through_is_sent_again_once(visit: Visit, scripted: Scripted) -> None:
    """When sending breaks before any answer it is repeated under the same key: one turn, however often it was sent."""
    keys = []

    async def broken(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            await route.abort()  # nothing arrived
        elif len(keys) == 2:
            await route.fetch()  # it arrived, and the answer was lost
            await route.abort()
        else:
            await route.continue_()

    scripted.model.script = lambda request: Say("Once.")
    await visit.page.route("**/chat/stream", broken)
    await visit.ask("Only once, please")
    turn = await visit.turn().is_in("answered")
    await expect(turn.reply).to_have_text("Once.")
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(await User(scripted.stack).history(await visit.session())) == 1


async def test_a_reload_goes_on_with_the_answer(visit: Visit, scripted: Scripted) -> None:
    """A page that is loaded in the middle of an answer shows it from its beginning, and follows it to the end."""
    scripted.model.script = lambda request: Say(WORDS, delay=0.3)
    await visit.ask("Go on without me")
    await expect(visit.turn().reply).to_contain_text("one")
    await visit.page.reload()
    turn = await visit.turn().is_in("running")
    await expect(turn.asked).to_have_text("Go on without me")
    await expect(turn.reply).to_contain_text("one")
    await turn.is_in("answered")
    await expect(turn.reply).to_have_text(WORDS)


async def test_two_tabs_show_the_same_conversation(visit: Visit, visitor: Visitor, scripted: Scripted) -> None:
    """What is sent in one tab appears in the other with its answer, both ways, in one order; so does a deletion."""
    await visit.ask("From the first tab")
    await visit.turn().is_in("answered")
    session = await visit.session()
    other: Visit = await (await visitor(beside=visit)).open(session)
    await other.turn(0).is_in("answered")
    scripted.model.script = lambda request: Say(WORDS, delay=0.1)
    await other.ask("From the second tab")
    turn = visit.turn(1)
    await expect(turn.asked).to_have_text("From the second tab")
    await turn.is_in("answered")
    await expect(turn.reply).to_have_text(WORDS)
    await visit.ask("From the first again")
    await other.turn(2).is_in("answered")
    asked = ["From the first tab", "From the second tab", "From the first again"]
    for tab in (visit, other):
        await expect(tab.page.locator(".asked")).to_have_text(asked)
    await visit.page.get_by_role("button", name="Delete “From the first tab”").click()
    await visit.page.get_by_role("button", name="Delete", exact=True).click()
    await expect(other.page.locator("tb-message")).to_have_count(0)
    await expect(other.page.locator("#notice")).to_contain_text("deleted elsewhere")


async def test_what_comes_by_another_door_is_shown(visit: Visit, scripted: Scripted) -> None:
    """A message sent over the API by another client appears in the open conversation within some seconds."""
    await visit.ask("Mine")
    await visit.turn().is_in("answered")
    await User(scripted.stack, "default", await visit.session()).ask("From another door")
    await expect(visit.turn(1).asked).to_have_text("From another door", timeout=10_000)
    await visit.turn(1).is_in("answered")


async def test_a_service_that_is_away_is_said_and_waited_for(visit: Visit, scripted: Scripted) -> None:
    """While nothing answers, one line says so; what is written meanwhile is sent when the service is back."""

    async def away(route: Route) -> None:
        await route.abort()

    await visit.ask("Before")
    await visit.turn().is_in("answered")
    await visit.page.route("**/*", away)
    await visit.ask("Meanwhile")
    turn = await visit.turn(1).is_in("reconnecting")
    await expect(turn.state).to_contain_text("sent as soon as the service is back")
    await visit.page.get_by_role("button", name="New conversation").click()
    await expect(visit.page.locator("#notice")).to_contain_text("Reconnecting…")
    await visit.page.unroute("**/*")
    await expect(visit.page.locator("#notice")).to_be_hidden()
    await visit.page.go_back()
    await turn.is_in("answered")
    await expect(visit.page.locator("#notice")).to_be_hidden()


async def test_a_paused_turn_says_so_and_goes_on(visit: Visit, scripted: Scripted) -> None:
    """Paused in the timeline, the turn says so in the conversation; resumed there, it is answered."""
    scripted.model.hold(lambda request: request["messages"][-1]["role"] == "user")
    await visit.ask("Wait for me")
    turn = await visit.turn().is_in("running")
    await poll_until(lambda: scripted.model.asked("Wait for me"), 10, "the model is asked")
    await visit.page.locator("tb-timeline").get_by_role("button", name="Pause").click()
    await turn.is_in("paused")
    scripted.model.release()
    await expect(turn.state).to_contain_text("Paused")
    await turn.locator.get_by_role("button", name="Resume").click()
    await turn.is_in("answered")
    await expect(turn.reply).to_contain_text("Wait for me")
