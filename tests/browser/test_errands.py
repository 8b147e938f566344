"""Beyond a turn, on the page: what waits for a decision, what the agent tells by itself, and branching."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from playwright.async_api import Locator, Route, expect
from playwright.async_api import Request as Sent
from tests.browser.framework.visit import Visit
from tests.browser.test_access import violations
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.scripted_model import Answer, Call, Request, Say, last_user_message

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HOSTILE = "<img src=x onerror=alert(1)> **bold** [link](javascript:alert(1))"


def _books(request: Request) -> Answer:
    """Search and hold the first offer when asked to; else say so."""
    last = request["messages"][-1]
    if last["role"] == "user":
        wants = last_user_message(request).lower().startswith("hold")
        return Call((("search_flights", {"destination": "Paris"}),)) if wants else Say("As you wish.")
    found = json.loads(last["content"])
    if "offers" in found:
        return Call((("hold_flight", {"offer_id": found["offers"][0]["id"], "note": HOSTILE}),))
    return Say("Please decide.")


@pytest.fixture
def books(scripted: Scripted) -> Scripted:
    """A model that asks for holds."""
    scripted.model.script = _books
    return scripted


async def _asked(visit: Visit) -> Locator:
    """The card of an approval that was asked for just now."""
    await visit.ask("Hold the first one")
    await visit.turn().is_in("answered")
    card = visit.page.locator("tb-approval")
    await expect(card).to_have_attribute("data-state", "waiting")
    return card


def _decides(request: Sent) -> bool:
    """Whether this is a decision on its way to the server."""
    return request.method == "POST" and "/approvals/" in request.url


async def test_a_hold_is_approved_where_it_was_asked_for(visit: Visit, books: Scripted) -> None:
    """The card names price and journey, asks once more, sends it once, and shows the reference as it comes in."""
    sent = []
    visit.page.on("request", lambda request: sent.append(request) if _decides(request) else None)
    card = await _asked(visit)
    await expect(card).to_contain_text("Nothing is held yet")
    await expect(card).to_contain_text("€")
    await expect(card).to_contain_text(HOSTILE)
    await expect(card.locator("img")).to_have_count(0)
    await card.get_by_role("button", name="Approve…").click()
    await expect(card).to_contain_text("Holding is not paying")
    await card.get_by_role("button", name="Hold it").dblclick()
    await expect(card).to_have_attribute("data-state", "held")
    assert len(sent) == 1
    await expect(card).to_contain_text("Reference")
    note = visit.page.locator("tb-message.told")
    await expect(note).to_contain_text("Your flight is held")
    await expect(note.locator(".notice-kind")).to_have_text("Booking")
    await expect(note.locator(".asked-row")).to_be_hidden()
    await expect(note.locator(".turn-foot")).to_be_empty()
    await visit.page.reload()
    await expect(visit.page.locator("tb-approval")).to_have_attribute("data-state", "held")
    await expect(visit.page.locator("tb-message.told")).to_contain_text("Your flight is held")


async def test_a_hold_is_rejected_or_changed_by_keyboard(visit: Visit, books: Scripted) -> None:
    """Another offer of the search can be held instead; the way back leaves everything as it was."""
    card = await _asked(visit)
    first = str(await card.locator(".approval-price").text_content())
    await card.get_by_role("button", name="Reject…").press("Enter")
    await expect(card.get_by_role("button", name="Reject", exact=True)).to_be_focused()
    await card.get_by_role("button", name="Not yet").press("Enter")
    await card.get_by_role("button", name="Another offer…").press("Enter")
    choice = card.get_by_label("The offer to hold instead")
    await expect(choice).to_be_focused()
    await choice.select_option(index=1)
    await card.get_by_role("button", name="Hold it").press("Enter")
    await expect(card).to_have_attribute("data-state", "held")
    assert str(await card.locator(".approval-price").text_content()) != first


async def test_a_decision_made_elsewhere_is_told_calmly(visit: Visit, books: Scripted) -> None:
    """Who decides in one place sees it in the other, and cannot decide again."""
    card = await _asked(visit)
    (approval,) = (await User(books.stack).call("GET", "/approvals")).json()["approvals"]
    await card.get_by_role("button", name="Approve…").click()
    path = f"/approvals/{approval['approval_id']}"
    answer = await User(books.stack).call("POST", path, json={"decision": "reject"})
    assert answer.status_code == 200
    await card.get_by_role("button", name="Hold it").click()
    await expect(card).to_have_attribute("data-state", "rejected")
    await expect(card).to_contain_text("You decided against it")


async def test_who_travels_is_asked_where_it_is_needed(visit: Visit, books: Scripted) -> None:
    """Each field has a label; an empty one and one that the service refuses are told where they stand; axe agrees."""
    sent: list[Any] = []

    async def needed(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route.request.post_data_json)
            errors = [{"field": "passengers.0.born_on", "message": "must be in the past"}]
            problem = {"type": "urn:travelbuddy:problem:invalid-request", "title": "x", "status": 422, "errors": errors}
            await route.fulfill(status=422, json=problem)
        else:
            answer = await route.fetch()
            await route.fulfill(json={**await answer.json(), "needs_passengers": True})

    await visit.page.route("**/approvals/*", needed)
    card = await _asked(visit)
    await card.get_by_role("button", name="Approve…").click()
    for label, value in (
        ("Given name", "Amelia"),
        ("Family name", "Earhart"),
        ("E-mail", "amelia@example.com"),
        ("Phone", "+442080160509"),
    ):
        await card.get_by_label(label).fill(value)
    await card.get_by_label("Title").select_option("ms")
    await card.get_by_label("Sex in the passport").select_option("f")
    await card.get_by_role("button", name="Hold it").click()
    born = card.get_by_label("Born on")
    await expect(born).to_be_focused()
    await expect(card.locator(".field-trouble:not(:empty)")).to_have_text(["Fill this in."])
    assert sent == []
    await born.fill("2087-07-24")
    await card.get_by_role("button", name="Hold it").click()
    await expect(card.locator(".field-trouble:not(:empty)")).to_have_text(["must be in the past"])
    await expect(card.get_by_label("Given name")).to_have_value("Amelia")
    assert sent[0]["passengers"][0]["family_name"] == "Earhart"
    await _axe(visit)


async def test_what_waits_is_listed_over_all_conversations(visit: Visit, books: Scripted) -> None:
    """The dialog names it and leads to its conversation."""
    await _asked(visit)
    asked_in = await visit.session()
    await visit.page.get_by_role("button", name="New conversation").click()
    await visit.page.get_by_role("button", name="Waiting and watched").click()
    dialog = visit.page.get_by_role("dialog", name="Waiting and watched")
    await expect(dialog).to_contain_text("LHR →")
    await _axe(visit)
    await dialog.get_by_role("button", name="Open", exact=True).first.click()
    await expect(visit.page.locator("tb-approval")).to_be_visible()
    assert await visit.session() == asked_in


async def test_a_watch_is_stopped_after_a_question(visit: Visit) -> None:
    """What the service lists is shown, and deleted only when that is confirmed."""
    watch = {
        "watch_id": "w1", "session_id": "s", "limit": "200.00", "currency": "EUR", "last_price": "250.00",
        "query": {"origin": "OSL", "destination": HOSTILE, "departure_date": "2027-03-12"},
    }  # fmt: skip
    deleted: list[str] = []

    async def answers(route: Route) -> None:
        if route.request.method == "DELETE":
            deleted.append(route.request.url)
        await route.fulfill(json={"watches": [watch]} if route.request.method == "GET" else watch)

    await visit.page.route("**/watches**", answers)
    await visit.page.get_by_role("button", name="Waiting and watched").click()
    row = visit.page.locator("tb-errands li", has_text="OSL")
    await expect(row).to_contain_text(HOSTILE)
    await row.get_by_role("button", name="Stop").click()
    await row.get_by_role("button", name="Keep").click()
    assert deleted == []
    await row.get_by_role("button", name="Stop").click()
    await row.get_by_role("button", name="Stop watching").click()
    await expect(visit.page.locator("tb-errands .said")).to_have_text("It is not watched any more.")
    assert len(deleted) == 1


async def test_a_conversation_branches_from_a_turn(visit: Visit, books: Scripted) -> None:
    """The new one has the turns up to there and is listed as a branch; the old one is as it was."""
    for text in ("one", "two"):
        await visit.ask(text)
        await visit.turn().is_in("answered")
    old = await visit.session()
    first = visit.page.locator("tb-message").first
    await first.get_by_role("button", name="Branch from here").click()
    await expect(visit.page.locator("tb-message")).to_have_count(1)
    new = await visit.session()
    assert new != old
    await expect(visit.page.locator("tb-sessions .session-title").first).to_have_text("one (branch)")
    turns = await User(books.stack).history(old)
    assert [turn["messages"][0]["content"] for turn in turns] == ["one", "two"]


async def test_an_offer_is_held_by_its_card(visit: Visit, books: Scripted) -> None:
    """The button of a card asks for the very offer, by its id."""
    await visit.ask("Hold the first one")
    await visit.turn().is_in("answered")
    await visit.page.get_by_role("button", name="Hold it: Offer 2").click()
    turn = await visit.turn().is_in("answered")
    await expect(turn.asked).to_contain_text("(offer off_")


async def _axe(visit: Visit) -> None:
    """Nothing serious, in light and in dark."""
    for scheme in SCHEMES:
        await visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert await violations(visit.page) == []
