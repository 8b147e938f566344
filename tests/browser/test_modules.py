"""The page's pure modules, evaluated in the browser: the renderer of replies, the reducer of turns, the merge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from tests.integration.conftest import Scripted

pytestmark = pytest.mark.asyncio(loop_scope="session")

RENDER = """async (text) => {
  const { markdown } = await import("/web/markdown.js");
  const box = document.createElement("div");
  box.append(...markdown(text));
  return box.innerHTML;
}"""
REDUCE = """async (events) => {
  const { newTurn, reduce } = await import("/web/turn.js");
  return events.reduce(reduce, newTurn({ message: "Paris?", sessionId: "s", key: "k" }));
}"""
MERGE = """async ([local, told, fresh]) => {
  const { merged } = await import("/web/merge.js");
  const { fromOpen } = await import("/web/turn.js");
  const turns = local.map((one) => ({ ...fromOpen(one, "s"), ...one.more }));
  return merged(turns, { session_id: "s", ...told }, () => fresh).map((turn) => [turn.id, turn.state]);
}"""

SEARCH = {"id": "c", "tool_call_id": "c", "name": "search_flights", "step": 1}
MARKDOWN = [
    ("plain", "<p>plain</p>"),
    ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
    ("**bold** and *italic* and `a*b*c`", "<p><strong>bold</strong> and <em>italic</em> and <code>a*b*c</code></p>"),
    ("2 * 3 * 4 and snake_case_name", "<p>2 * 3 * 4 and snake_case_name</p>"),
    ("Found:\n1. one\n2. two", '<p>Found:</p><ol start="1"><li>one</li><li>two</li></ol>'),
    ("- a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
    ("## Heading", '<p class="md-heading">Heading</p>'),
    ("```\n<b>\n```", '<pre tabindex="0"><code>&lt;b&gt;</code></pre>'),
    ("```\nnever ended", '<pre tabindex="0"><code>never ended</code></pre>'),
    ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
    ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
    ("[x](//evil.example)", "<p>[x](//evil.example)</p>"),
    (
        "[**x**](https://a.example/b?c=d)",
        '<p><a rel="noopener noreferrer" target="_blank" href="https://a.example/b?c=d"><strong>x</strong></a></p>',
    ),
    ("**never closed", "<p>**never closed</p>"),
    ("", ""),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser, scripted_stack: Scripted) -> AsyncIterator[Page]:
    """The service's page, for all of these tests."""
    context = await browser.new_context()
    opened = await context.new_page()
    await opened.goto(scripted_stack.stack.app_url)
    yield opened
    await context.close()


@pytest.mark.parametrize(("text", "html"), MARKDOWN)
async def test_replies_become_nodes(page: Page, text: str, html: str) -> None:
    """Each construct gives its element; what is none, markup and other schemes included, stays text."""
    rendered = str(await page.evaluate(RENDER, text))
    assert _sorted_attributes(rendered) == _sorted_attributes(html)


async def test_a_long_hostile_reply_is_rendered_at_once(page: Page) -> None:
    """No text makes the renderer slow: 20,000 opening marks take less than a second."""
    timed = f"async (text) => {{ const t = performance.now(); await ({RENDER})(text); return performance.now() - t; }}"
    for text in ("*" * 20_000, "[" * 20_000, "`a" * 10_000, "**a " * 5_000, "_a " * 6_000, "- " * 10_000):
        assert await page.evaluate(timed, text) < 1_000, text[:10]


def _sorted_attributes(html: str) -> list[str]:
    return sorted(html.replace("<", " <").replace(">", " > ").split())


def _status(**data: Any) -> dict[str, Any]:
    return {"name": "status", "data": data, "id": "0t0.00000000", "at": "2026-11-25T10:00:00Z"}


def _token(text: str, step: int = 1) -> dict[str, Any]:
    return {
        "name": "token",
        "data": {"text": text, "step": step},
        "id": f"{step}t1.00000000",
        "at": "2026-11-25T10:00:01Z",
    }


async def test_a_turn_is_reduced_to_what_was_said_last(page: Page) -> None:
    """Tokens add up to the last step's text; what a restart made void is gone; the cursor is the last event's."""
    turn = await page.evaluate(
        REDUCE,
        [
            _status(state="following", workflow_instance_id="t1", session_id="s"),
            _status(state="running", doing="asking the model", step=1, attempt=1),
            _token("Let me "), _token("look."),
            {"name": "tool_call", "data": {**SEARCH, "arguments": {"destination": "PAR"}}, "id": "1c1.00000000"},
            {"name": "tool_result", "data": {**SEARCH, "result": {"offers": []}}, "id": "1r1.00000000"},
            _token("lost", 2), _status(state="restarted", step=2), _token("Found ", 2), _token("none.", 2),
        ],
    )  # fmt: skip
    assert (turn["id"], turn["state"], turn["text"], turn["restarted"]) == ("t1", "running", "Found none.", 1)
    assert [step["text"] for step in turn["steps"]] == ["Let me look.", "Found none."]
    assert turn["steps"][0]["calls"][0]["result"] == {"offers": []}
    assert turn["lastEventId"] == "2t1.00000000"


async def test_a_lost_connection_is_remembered_and_the_state_comes_back(page: Page) -> None:
    """Between lost and back the turn is reconnecting; after it stands as before, and both are kept with their times."""
    lost, back = {"name": "lost", "at": "T1"}, {"name": "back", "at": "T2"}
    events = [_status(state="queued", queue_position=2), lost, lost]
    turn = await page.evaluate(REDUCE, events)
    assert (turn["state"], turn["connection"]) == ("reconnecting", [{"at": "T1", "kind": "lost"}])
    turn = await page.evaluate(REDUCE, [*events, back])
    assert (turn["state"], turn["queuePosition"], len(turn["connection"])) == ("queued", 2, 2)


@pytest.mark.parametrize("outcome", ["answered", "failed", "interrupted", "cancelled"])
async def test_nothing_happens_after_the_end(page: Page, outcome: str) -> None:
    """The message gives text, offers and outcome; whatever comes after it changes nothing."""
    data = {"response": "Bye.", "metadata": {"outcome": outcome, "offers": {"offers": []}}, "timestamp": "T"}
    turn = await page.evaluate(REDUCE, [_token("B"), {"name": "message", "data": data, "id": "1m1.0"}, _token("!")])
    assert (turn["state"], turn["text"], turn["endedAt"]) == (outcome, "Bye.", "T")
    assert turn["offers"] == {"offers": []}


def _open(turn_id: str, position: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "workflow_instance_id": turn_id,
        "message": turn_id,
        "accepted_at": "T",
        "queue_position": position,
        "more": more,
    }


def _done(turn_id: str) -> dict[str, Any]:
    message = {"role": "user", "content": turn_id, "timestamp": "T"}
    return {"workflow_instance_id": turn_id, "outcome": "answered", "created_at": "T", "messages": [message]}


MERGES = [
    ("new turns are added", [], {"turns": [_done("a")], "open": [_open("b")], "next": None}, False,
     [["a", "answered"], ["b", "running"]]),
    ("a turn that ended elsewhere has ended", [_open("a")], {"turns": [_done("a")], "open": [], "next": None}, False,
     [["a", "answered"]]),
    ("earlier pages stay", [_open("x", state="answered"), _open("a")], {"turns": [_done("a")], "open": [], "next": "a"},
     False, [["x", "answered"], ["a", "answered"]]),
    ("what is erased goes", [_open("x", state="answered")], {"turns": [_done("a")], "open": [], "next": None}, False,
     [["a", "answered"]]),
    ("what is newer than the answer stays", [_open("z")], {"turns": [_done("a")], "open": [], "next": None}, True,
     [["a", "answered"], ["z", "running"]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("local", "told", "fresh", "expected"), [one[1:] for one in MERGES], ids=[one[0] for one in MERGES]
)
async def test_history_is_merged_with_what_is_shown(
    page: Page, local: list[Any], told: dict[str, Any], fresh: bool, expected: list[list[str]]
) -> None:
    """The service's order and outcomes count; what it could not know yet is kept."""
    assert await page.evaluate(MERGE, [local, told, fresh]) == expected
