"""The timeline of a turn, in a real browser: what people see of each step while it happens, and what they can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.cards_page import CardsPage, cards_page, mount, overflows, serious
from tests.browser.flights import HOSTILE
from tests.browser.turns import TURN_ID, answered, at, search, step, turn

ASKED_ONCE = step("call_model", 0.1, 1.1, tokens=412)


@pytest.fixture(scope="module")
def elements() -> Iterator[CardsPage]:
    """One browser for all tests of this file."""
    with cards_page() as shared:
        yield shared


@pytest.fixture
def page(elements: CardsPage) -> Iterator[Page]:
    """An empty page as wide as the timeline, a while after the turns of these tests were accepted."""
    with elements.open(width=340, clock=at(1)) as opened:
        yield opened


def show(page: Page, shown: dict[str, Any] | None) -> None:
    """Show the turn; a second one takes the place of the first, as the page's store would do it."""
    if page.locator("tb-timeline").count():
        page.evaluate("turn => { document.querySelector('tb-timeline').turn = turn; }", shown)
    else:
        mount(page, "tb-timeline", {"turn": shown})
    page.clock.run_for(50)  # the next frame


def rows(page: Page) -> list[str]:
    """The titles of the steps, from the top."""
    return page.locator(".step-title").all_inner_texts()


def row(page: Page, title: str) -> Locator:
    """The last step of this title."""
    return page.locator(".step").filter(has=page.get_by_text(title, exact=True)).last


def test_nothing_yet(page: Page) -> None:
    """Without a turn it says what will be here, and offers nothing to do."""
    show(page, None)
    expect(page.get_by_text("When you send a message")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)


def test_an_answered_turn(page: Page) -> None:
    """Every step is there in order: the failed try with reason and wait, tokens, the search, and what was held up."""
    show(page, answered())
    titles = [
        "Accepted",
        "Asked the model",
        "Asked the model",
        "Searched flights",
        "Asked the model, call 2",
        "Answered",
    ]
    assert rows(page) == titles
    failed, second = page.locator(".step").nth(1), page.locator(".step").nth(2)
    expect(failed).to_contain_text("Did not work: the model's server answered 500")
    expect(failed).to_contain_text("Waited 2s, then tried again")
    expect(second).to_contain_text("try 2 · 412 tokens")
    expect(second.locator(".step-time")).to_have_text("1.1s")
    expect(row(page, "Asked the model, call 2")).to_contain_text(
        "Picked up again after 6.2s: its process was stopped or busy"
    )
    expect(page.get_by_role("button", name=re.compile("Pause|Resume|Cancel"))).to_have_count(0)


def test_sums(page: Page) -> None:
    """Total time and tokens, and where the time went: what ran side by side counts once, the rest is waiting."""
    show(page, answered())
    expect(page.locator(".timeline-total")).to_have_text("12s1,946 tokens")
    expect(page.get_by_label("Where the time went")).to_have_text("Model 3.4sTools 200msWaiting 8.4s")
    widths = page.locator(".timeline-bar span").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().width)"
    )
    assert widths[0] / widths[2] == pytest.approx(3.4 / 8.4, abs=0.02)


def test_tools_side_by_side(page: Page) -> None:
    """Two tools at the same time took as long as the longer one, and each call stands with its own result."""
    other = search(id="call_2", arguments='{"destination": "Rome"}', result={"query": {}, "offers": []})
    steps = [ASKED_ONCE, step("search_flights", 1.3, 2), step("search_flights", 1.3, 1), step("call_model", 3.4, 1)]
    said = [{"n": 1, "text": "", "calls": [search(), other]}]
    show(page, turn("answered", timeline=steps, steps=said, endedAt=at(4.4), metadata={"processing_time": 4.4}))
    expect(page.get_by_label("Where the time went")).to_contain_text("Tools 2s")
    calls = page.locator(".step").filter(has=page.get_by_text("Searched flights"))
    expect(calls.nth(0)).to_contain_text("5 offers, from €297.97")
    expect(calls.nth(1)).to_contain_text("destinationRomeNo offers")


def test_a_tools_call(page: Page) -> None:
    """A tool's call shows what was asked for as a list, what came of it, and the raw JSON folded."""
    show(page, answered())
    call = row(page, "Searched flights")
    expect(call.get_by_role("term")).to_have_text(["origin", "destination", "departure date", "passengers"])
    expect(call.get_by_role("definition").nth(2)).to_have_text("next Friday")
    expect(call).to_contain_text("5 offers, from €297.97")
    expect(call.locator("pre")).to_be_hidden()
    call.get_by_text("Raw JSON").click()
    expect(call.locator("pre")).to_contain_text('"departure_date": "next Friday"')


def test_a_tool_that_refuses(page: Page) -> None:
    """A tool's error is told with its message, and marked as failed though the turn goes on."""
    refusal = {"error": {"type": "bad_date", "message": "2020-01-01 is in the past.", "field": "departure_date"}}
    said = [{"n": 1, "text": "", "calls": [search(result=refusal)]}]
    show(
        page,
        turn(
            "running",
            step=2,
            doing="asking the model",
            timeline=[ASKED_ONCE, step("search_flights", 1.3, 0.1)],
            steps=said,
        ),
    )
    call = row(page, "Searched flights")
    expect(call).to_contain_text("Told the model: 2020-01-01 is in the past.")
    expect(call).to_have_class(re.compile("step-failed"))


def test_live(page: Page) -> None:
    """A turn shows each step as it begins and ends, from the queue to the answer."""
    show(page, turn("sending", id=None))
    assert rows(page) == ["Sending the message"]
    show(page, turn("queued", queuePosition=2))
    assert rows(page) == ["Accepted", "Waiting in line: 2 messages are answered first"]
    show(page, turn("running", step=1, doing="asking the model", attempt=1))
    assert rows(page) == ["Accepted", "Asking the model"]
    said = [{"n": 1, "text": "Let me", "calls": []}]
    show(page, turn("running", step=1, doing="asking the model", attempt=1, steps=said))
    assert rows(page) == ["Accepted", "The model is writing"]
    said = [{"n": 1, "text": "Let me look.", "calls": [search(result=None)]}]
    show(page, turn("running", step=1, doing="using tools", timeline=[ASKED_ONCE], steps=said))
    assert rows(page) == ["Accepted", "Asked the model", "Searching flights"]
    said = [{"n": 1, "text": "Let me look.", "calls": [search()]}]
    show(page, turn("running", step=1, doing="using tools", timeline=[ASKED_ONCE], steps=said))
    assert rows(page) == ["Accepted", "Asked the model", "Searched flights"]
    done = [ASKED_ONCE, step("search_flights", 1.3, 0.1)]
    show(page, turn("running", step=2, doing="asking the model", attempt=1, timeline=done, steps=said))
    assert rows(page) == ["Accepted", "Asked the model", "Searched flights", "Asking the model, call 2"]


def test_the_streams_events(page: Page) -> None:
    """The events of a stream, taken in by the page's own reducer, show as the steps that they tell of."""
    show(page, None)
    failed = step("call_model", 0.1, 0.4, error="the model's server answered 500")
    call = {key: value for key, value in search(step=1).items() if key != "result"}
    events = [
        ("status", {"state": "following", "workflow_instance_id": TURN_ID, "session_id": "s1"}),
        ("status", {"state": "queued", "queue_position": 1}),
        ("status", {"state": "running", "doing": "asking the model", "step": 1, "attempt": 1, "timeline": []}),
        (
            "status",
            {
                "state": "running",
                "doing": "waiting for the model since 12:03:05 UTC; asks again in 2 s",
                "step": 1,
                "timeline": [failed],
            },
        ),
        ("token", {"text": "Let me look.", "step": 1}),
        ("tool_call", call),
        ("status", {"state": "running", "doing": "using tools", "step": 1, "timeline": [failed, ASKED_ONCE]}),
        ("lost", {}),
        ("back", {}),
        ("tool_result", {"tool_call_id": "call_1", "name": "search_flights", "result": search()["result"], "step": 1}),
        ("message", {"response": "Done.", "metadata": {"outcome": "answered"}, "timestamp": at(3)}),
    ]
    page.evaluate(
        """async ([events, began]) => {
          const { newTurn, reduce } = await import("/web/turn.js");
          let turn = newTurn({ message: "Hello", sessionId: "s1", key: "k9", acceptedAt: began });
          for (const [name, data] of events) {
            turn = reduce(turn, { name, data, at: began });
            document.querySelector("tb-timeline").turn = turn;
          }
        }""",
        [events, at(0)],
    )
    page.clock.run_for(50)
    told = ["Accepted", "Asked the model", "Asked the model", "Connection lost", "Searched flights", "Answered"]
    assert sorted(rows(page)) == sorted(told)
    expect(page.locator(".timeline-foot code")).to_have_text(TURN_ID)


def test_waiting_in_line_is_remembered(page: Page) -> None:
    """How long a turn waited behind others stays told once it runs."""
    show(page, turn("queued", queuePosition=1))
    show(page, turn("running", step=2, doing="asking the model", timeline=[step("call_model", 7.5, 1, tokens=9)]))
    expect(row(page, "Waited in line").locator(".step-time")).to_have_text("7.5s")


def test_a_running_step_counts_its_seconds(page: Page) -> None:
    """Once a second, and with nothing that moves for readers who want less motion."""
    show(page, turn("running", step=1, doing="asking the model"))
    show(
        page,
        turn(
            "running",
            step=1,
            doing="using tools",
            timeline=[ASKED_ONCE],
            steps=[{"n": 1, "text": "", "calls": [search(result=None)]}],
        ),
    )
    counted = row(page, "Searching flights").locator(".step-time")
    expect(counted).to_have_text("0s")
    page.clock.run_for(3_000)
    expect(counted).to_have_text("3s")
    mark = page.locator(".step-running .step-mark")
    assert mark.evaluate("one => getComputedStyle(one).animationName") == "none"
    page.emulate_media(reduced_motion="no-preference")
    assert mark.evaluate("one => getComputedStyle(one).animationName") == "step-turn"


def test_waiting_before_the_next_try(page: Page) -> None:
    """A failed try is told with its reason while the next one is waited for."""
    failed = step("call_model", 0.1, 0.4, error="the model's server answered 429")
    show(
        page,
        turn("running", step=1, doing="waiting for the model since 12:03:05 UTC; asks again in 2 s", timeline=[failed]),
    )
    assert rows(page) == ["Accepted", "Asked the model", "Waiting for the model since 12:03:05 UTC; asks again in 2 s"]
    expect(page.get_by_text("Did not work: the model's server answered 429")).to_be_visible()


def test_a_text_begun_anew(page: Page) -> None:
    """When a step is repeated and its text taken back, that is told, and stays told."""
    running = {"step": 1, "doing": "asking the model"}
    show(page, turn("running", **running, steps=[{"n": 1, "text": "Hel", "calls": []}]))
    show(page, turn("running", **running, restarted=1))
    expect(row(page, "Began its text anew")).to_be_visible()
    show(page, turn("running", **running, restarted=1, steps=[{"n": 1, "text": "Hello", "calls": []}]))
    expect(row(page, "Began its text anew")).to_be_visible()


def test_the_connection(page: Page) -> None:
    """A lost connection is told as this page's own view, what ran then as last seen; after it how long it was lost."""
    said = [{"n": 1, "text": "", "calls": [search(result=None)]}]
    known = {"step": 1, "timeline": [ASKED_ONCE], "steps": said}
    lost = [{"at": at(2), "kind": "lost"}]
    show(page, turn("reconnecting", before="running", connection=lost, **known))
    expect(row(page, "Connection lost, connecting again")).to_contain_text("As this page saw it")
    expect(row(page, "Searching flights")).to_contain_text("as last seen")
    show(page, turn("running", doing="using tools", connection=[*lost, {"at": at(5.5), "kind": "back"}], **known))
    assert rows(page) == ["Accepted", "Asked the model", "Connection lost", "Searching flights"]
    expect(row(page, "Connection lost").locator(".step-time")).to_have_text("3.5s")


def test_pause_and_resume(page: Page) -> None:
    """Pause and resume ask for it once, show that it is on its way, and stay in the timeline."""
    running = {"step": 2, "doing": "asking the model", "timeline": [ASKED_ONCE]}
    show(page, turn("running", **running))
    button = page.get_by_role("button", name="Pause")
    expect(button).to_have_accessible_description("Pause: no new step begins until you resume.")
    button.click()
    page.clock.run_for(50)
    expect(page.get_by_role("button", name="Pausing …")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("window.asked") == [{"name": "tb-turn-action", "action": "pause", "id": TURN_ID}]
    show(page, turn("paused", **running))
    assert rows(page)[-1] == "Paused until you resume it"
    expect(page.get_by_role("button", name="Resume")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("window.asked.at(-1).action") == "resume"
    page.clock.run_for(1_000)
    show(page, turn("running", **running))
    assert rows(page) == ["Accepted", "Asked the model", "Paused", "Resumed", "Asking the model, call 2"]


def test_an_action_that_came_to_nothing(page: Page) -> None:
    """When nothing changes within five seconds, it can be asked for again."""
    show(page, turn("running", step=1, doing="asking the model"))
    page.get_by_role("button", name="Cancel").click()
    page.clock.run_for(5_100)
    page.get_by_role("button", name="Cancel").click()
    assert [one["action"] for one in page.evaluate("window.asked")] == ["cancel", "cancel"]


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("sending", []),
        ("queued", ["Pause", "Cancel"]),
        ("running", ["Pause", "Cancel"]),
        ("paused", ["Resume", "Cancel"]),
        ("reconnecting", ["Cancel"]),
        ("answered", []),
        ("failed", []),
        ("interrupted", []),
        ("cancelled", []),
    ],
)
def test_what_can_be_done(page: Page, state: str, actions: list[str]) -> None:
    """Each state offers what it allows, and every end of a turn is told in words."""
    ended = (
        {"endedAt": at(1), "error": "The model refused."}
        if state in {"failed", "cancelled", "interrupted", "answered"}
        else {}
    )
    show(page, turn(state, id=None if state == "sending" else TURN_ID, **ended))
    assert page.locator(".timeline-actions button").all_inner_texts() == actions
    last = {
        "failed": "Failed",
        "cancelled": "Cancelled",
        "interrupted": "Interrupted by a newer message",
        "answered": "Answered",
    }
    if state in last:
        assert rows(page)[-1] == last[state]
    assert (page.get_by_text("The model refused.").count() == 1) == (state in {"failed", "cancelled", "interrupted"})


def test_a_pause_nobody_here_saw(page: Page) -> None:
    """A long gap between two steps is told as one, whatever it was."""
    steps = [ASKED_ONCE, step("search_flights", 1.3, 0.1), step("call_model", 9.4, 1, tokens=3)]
    show(page, turn("answered", timeline=steps, endedAt=at(10.5), metadata={"processing_time": 10.5}))
    expect(row(page, "Stood still").locator(".step-time")).to_have_text("8s")


def test_what_is_unfolded_stays_so(page: Page) -> None:
    """While the turn goes on, an unfolded call stays unfolded and keeps the keyboard."""
    said = [{"n": 1, "text": "", "calls": [search(result=None)]}]
    show(page, turn("running", step=1, doing="using tools", timeline=[ASKED_ONCE], steps=said))
    page.get_by_text("Raw JSON").click()
    show(page, answered())
    expect(page.locator("pre")).to_be_visible()
    expect(page.get_by_text("Raw JSON")).to_be_focused()


def test_another_turn(page: Page) -> None:
    """Choosing another turn shows that one alone; what was seen of the first is still known on coming back."""
    show(page, turn("paused", step=1))
    show(page, turn("running", step=1, doing="asking the model"))
    show(page, answered(key="k2", id="other"))
    assert rows(page)[-1] == "Answered"
    show(page, turn("running", step=1, doing="asking the model"))
    assert rows(page) == ["Accepted", "Paused", "Resumed", "Asking the model"]


def test_the_instance_id(elements: CardsPage) -> None:
    """The instance id is there to copy."""
    with elements.open(width=340, permissions=["clipboard-read", "clipboard-write"]) as page:
        mount(page, "tb-timeline", {"turn": answered()})
        page.get_by_role("button", name="Copy the instance id").click()
        expect(page.get_by_text("Copied", exact=True).first).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == TURN_ID


def test_listeners_hear_of_trouble_alone(page: Page) -> None:
    """A failed try and a pause are announced; ordinary steps are not."""
    show(page, turn("running", step=1, doing="asking the model"))
    heard = page.locator("tb-timeline [role=status]")
    show(page, turn("running", step=1, doing="using tools", timeline=[ASKED_ONCE]))
    expect(heard).to_be_empty()
    failed = step("call_model", 0.1, 0.4, error="the model's server answered 500")
    show(
        page,
        turn(
            "running",
            step=1,
            doing="waiting for the model since 12:03:05 UTC; asks again in 2 s",
            timeline=[ASKED_ONCE, failed],
        ),
    )
    expect(heard).to_have_text("Asked the model, call 2: the model's server answered 500")


def test_hostile_words_stay_words(page: Page) -> None:
    """Markup in arguments, results, errors, names and ids is shown as text and makes no element."""
    evil = search(name=HOSTILE, arguments=HOSTILE + "x" * 5_000, result={"error": {"message": HOSTILE}})
    odd = search(id="call_2", name="constructor", arguments='{"a": {"b": ["<b>"]}}', result=HOSTILE)
    steps = [ASKED_ONCE, step(HOSTILE, 1.3, 0.1, error=HOSTILE), step("constructor", 1.3, 0.1)]
    show(
        page,
        turn(
            "failed",
            id=HOSTILE,
            timeline=steps,
            steps=[{"n": 1, "text": "", "calls": [evil, odd]}],
            error={"detail": HOSTILE},
            endedAt=at(2),
        ),
    )
    expect(page.get_by_text("<img src=x").first).to_be_visible()
    expect(page.get_by_text("Used constructor")).to_be_visible()
    assert page.locator("tb-timeline :is(img, script, b b)").count() == 0
    assert not overflows(page)


@pytest.mark.parametrize(
    "odd",
    [
        {"timeline": None, "steps": None, "connection": None},
        {"acceptedAt": "?", "step": 7},
        {"timeline": [{"name": "x"}], "step": 1},
    ],
)
def test_what_is_not_known(page: Page, odd: dict[str, Any]) -> None:
    """A turn of which little is known is shown as far as it is."""
    show(page, turn("running", **odd))
    expect(page.get_by_text("Accepted")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_by_all(elements: CardsPage, scheme: str) -> None:
    """No serious finding of axe-core in light and dark; every mark is a picture and words, not colour alone."""
    lost = [{"at": at(4), "kind": "lost"}, {"at": at(8), "kind": "back"}]
    with elements.open(width=360, scheme=scheme) as page:
        mount(page, "tb-timeline", {"turn": answered(connection=lost)})
        page.get_by_text("Raw JSON").click()
        assert serious(page) == ""
        assert not overflows(page)
        page.evaluate(
            "turn => { document.querySelector('tb-timeline').turn = turn; }", turn("paused", timeline=[ASKED_ONCE])
        )
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        assert serious(page) == ""
        assert page.locator(".step-mark svg").count() == page.locator(".step").count()
