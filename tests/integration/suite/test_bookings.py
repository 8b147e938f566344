"""Holds with a human in the loop, at a supplier that counts its orders: one for each, told once, whatever dies."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
import pytest_asyncio
from tests.integration.framework.client import Json, User
from tests.integration.framework.duffel_stub import DuffelStub
from tests.integration.framework.http_client import http_client
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Call, Request, Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="guarded writes and workflows are tested on each store by the turns"),
]
TRAVELLER = {
    "title": "ms",
    "given_name": "Amelia",
    "family_name": "Earhart",
    "born_on": "1987-07-24",
    "gender": "f",
    "email": "amelia@example.com",
    "phone_number": "+442080160509",
}
APPROVE: Json = {"decision": "approve", "passengers": [TRAVELLER]}
AT_ONCE, APART = 12, 0.012
"""Bookings that are decided one after the other, so many seconds apart: when all dies, each is at another step."""


def _books(request: Request) -> Answer:
    """Search, hold the offer that is cheapest to hold, and say so."""
    last = request["messages"][-1]
    if last["role"] == "user" and "hold" in last_user_message(request):
        return Call((("search_flights", {"destination": "Paris", "origin": "London"}),))
    if last["role"] != "tool":
        return Say("Good day.")
    found = json.loads(last["content"])
    if "offers" in found:
        offer = next(one for one in found["offers"] if one["id"].endswith(_kind(request)))
        return Call((("hold_flight", {"offer_id": offer["id"]}),))
    return Say(f"Please decide: {found}" if "error" in found else "Please decide.")


def _kind(request: Request) -> str:
    return "instant" if "instant" in last_user_message(request) else "via"


@dataclass(frozen=True)
class Agency:
    """A stack that sells what the supplier has."""

    stack: Stack
    model: ScriptedModel
    duffel: DuffelStub

    async def asked(self, name: str) -> Json:
        """The approval that a traveller of this name is asked for in a session of that name."""
        user = self.user(name)
        await user.ask("please hold it")
        (approval,) = (await user.call("GET", f"/approvals?user_id={name}")).json()["approvals"]
        assert approval["status"] == "waiting"
        return dict(approval)

    def user(self, name: str) -> User:
        return User(self.stack, name, name)

    async def decide(
        self, approval: Json, body: Json = APPROVE, user: str | None = None, url: str = ""
    ) -> httpx.Response:
        """Decide as this user, at the replica of this address."""
        path = f"{url}/approvals/{approval['approval_id']}"
        return await User(self.stack).call("POST", path, json=body, params={"user_id": user or approval["user_id"]})

    async def insist(self, approval: Json, body: Json = APPROVE) -> None:
        """Decide as a client does: again, as long as nobody answers."""

        async def answered() -> bool:
            try:
                return (await self.decide(approval, body)).status_code == 200
            except httpx.TransportError:
                return False

        await poll_until(answered, 30, "the decision is taken")

    async def ended(self, approval: Json, status: str = "held", within: float = 30) -> Json:
        """The approval once it has come to this, and its outcome was told."""

        async def there() -> Json | None:
            path = f"/approvals/{approval['approval_id']}"
            try:
                now = (await User(self.stack).call("GET", path)).json()
            except httpx.TransportError:
                return None
            return dict(now) if now.get("status") == status else None

        found = await poll_until(there, within, f"it is {status}")
        await poll_until(lambda: self.told(approval), within, "its outcome is told")
        return found

    async def told(self, approval: Json) -> list[Json]:
        """The notices of this approval in its session."""
        messages = [m for t in await User(self.stack).history(approval["session_id"]) for m in t["messages"]]
        return [m for m in messages if m.get("metadata", {}).get("approval_id") == approval["approval_id"]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def agency_stack(dapr_runtime: None, kept_in: None) -> AsyncIterator[Agency]:
    """One stack for the file."""
    with ScriptedModel(_books) as model, DuffelStub() as duffel:
        async with Stack(env={**model.env, **duffel.env}) as stack:
            yield Agency(stack, model, duffel)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def brief(dapr_runtime: None, kept_in: None) -> AsyncIterator[Agency]:
    """Two replicas whose approvals wait for a few seconds only."""
    with ScriptedModel(_books) as model, DuffelStub() as duffel:
        env = {**model.env, **duffel.env, "APPROVAL_HOURS": str(6 / 3600)}
        async with Stack(env=env, options=("--replicas=2",)) as stack:
            yield Agency(stack, model, duffel)


@pytest.fixture
def agency(agency_stack: Agency) -> Agency:
    """The stack, with a supplier as new."""
    agency_stack.duffel.reset()
    return agency_stack


async def test_an_offer_is_held_once_its_traveller_approves(agency: Agency) -> None:
    """Nothing is ordered before; then it is, once, and the outcome stands in the conversation, without who travels."""
    approval = await agency.asked("booking-plain")
    assert agency.duffel.orders == []
    assert (approval["needs_passengers"], approval["passengers"]) == (True, 1)
    answer = await agency.decide(approval)
    assert (answer.status_code, answer.json()["decision"]["by"]) == (200, "booking-plain")
    held = await agency.ended(approval)
    assert held["hold"]["reference"] == "RZP001"
    (order,) = agency.duffel.orders
    assert order["passengers"][0]["family_name"] == "Earhart"
    (told,) = await agency.told(approval)
    assert "RZP001" in told["content"]
    assert told["metadata"]["kind"] == "booking"
    assert (await agency.user("booking-plain").chat("thank you"))["response"] == "Good day."
    seen = agency.model.requests[-1]["messages"]
    assert any(told["content"] in message["content"] for message in seen), "the model knows of it"
    assert "Earhart" not in json.dumps(seen) + json.dumps(held) + json.dumps(told)


async def test_the_session_goes_on_while_an_approval_waits(agency: Agency) -> None:
    """A message after the question is answered at once."""
    await agency.asked("booking-goes-on")
    assert (await agency.user("booking-goes-on").chat("hello"))["response"] == "Good day."


async def test_the_first_decision_counts(agency: Agency) -> None:
    """The same decision again is answered as the first time; another one is a conflict, also when two come at once."""
    approval = await agency.asked("booking-first")
    answers = await asyncio.gather(agency.decide(approval), agency.decide(approval, {"decision": "reject"}))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (won,) = (answer.json()["decision"]["decision"] for answer in answers if answer.is_success)
    (lost,) = (answer.json() for answer in answers if not answer.is_success)
    assert lost["type"].endswith("already-decided")
    again = await agency.decide(approval, APPROVE if won == "approve" else {"decision": "reject"})
    assert again.status_code == 200
    await agency.ended(approval, "held" if won == "approve" else "rejected")
    assert len(agency.duffel.orders) == (won == "approve")
    assert len(await agency.told(approval)) == 1


async def test_another_offer_may_be_approved_instead(agency: Agency) -> None:
    """`edit` holds the offer that it names, and nothing else."""
    approval = await agency.asked("booking-edit")
    other = approval["offer"]["id"].replace("via", "direct")
    body = {**APPROVE, "decision": "edit", "changes": {"offer_id": other}}
    assert (await agency.decide(approval, body)).json()["offer"]["id"] == other
    await agency.ended(approval)
    assert [order["offer_id"] for order in agency.duffel.orders] == [other]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "approve"}, "passengers"),
        ({"decision": "maybe"}, "decision"),
        ({**APPROVE, "decision": "edit"}, "changes"),
        ({**APPROVE, "decision": "edit", "changes": {"offer_id": "off_none"}}, "changes.offer_id"),
        ({"decision": "approve", "passengers": [{**TRAVELLER, "born_on": "long ago"}]}, "passengers.0.born_on"),
    ],
)
async def test_a_bad_decision_is_told_by_its_field(agency: Agency, body: Json, field: str) -> None:
    """Nothing is decided, and the traveller may try again."""
    name = f"booking-bad-{field.replace('.', '-')}"
    approval = await agency.asked(name)
    answer = await agency.decide(approval, body)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await agency.user(name).call("GET", f"/approvals/{approval['approval_id']}")).json()["status"] == "waiting"


async def test_nobody_else_sees_or_decides_it(agency: Agency) -> None:
    """For another user there is no such approval."""
    approval = await agency.asked("booking-mine")
    assert (await agency.decide(approval, user="booking-other")).status_code == 404
    path = f"/approvals/{approval['approval_id']}?user_id=booking-other"
    assert (await agency.user("x").call("GET", path)).status_code == 404
    assert (await agency.user("x").call("GET", "/approvals?user_id=booking-other")).json() == {"approvals": []}


async def test_what_the_supplier_refuses_is_told(agency: Agency) -> None:
    """An offer that is gone by then fails with the reason, in the record and in the conversation."""
    approval = await agency.asked("booking-gone")
    agency.duffel.expire(approval["offer"]["id"])
    await agency.decide(approval)
    failed = await agency.ended(approval, "failed")
    assert "not sold any more" in failed["error"]
    assert "not sold any more" in (await agency.told(approval))[0]["content"]


async def test_a_fare_that_cannot_be_held_is_refused_at_once(agency: Agency) -> None:
    """The model is told, and nobody is asked to approve."""
    user = agency.user("booking-instant")
    assert "not_holdable" in await user.ask("hold the instant one")
    assert (await user.call("GET", "/approvals?user_id=booking-instant")).json() == {"approvals": []}


async def test_a_supplier_in_trouble_is_asked_again(agency: Agency) -> None:
    """Too many requests at first, then a cut connection after the order was made: one order."""
    approval = await agency.asked("booking-trouble")
    faults = [agency.duffel.arm("429", "orders", seconds=1), agency.duffel.arm("cut_after", "order")]
    await agency.decide(approval)
    await agency.ended(approval)
    assert [fault.fired for fault in faults] == [1, 1]
    assert len(agency.duffel.orders) == 1


async def test_an_erased_user_leaves_no_approval(agency: Agency) -> None:
    """The approval, its workflow and its place in the list are gone; the export had it before."""
    approval = await agency.asked("booking-erased")
    user = agency.user("booking-erased")
    export = (await user.call("GET", "/users/booking-erased/export")).json()
    assert [one["id"] for one in export["approvals"]] == [approval["approval_id"]]
    assert (await user.call("DELETE", "/users/booking-erased")).status_code == 200
    assert (await agency.decide(approval)).status_code == 404
    async with http_client() as http:
        state = await http.get(f"{agency.stack.dapr_url}/v1.0/workflows/dapr/{approval['approval_id']}")
    assert state.status_code >= 400 or state.json().get("runtimeStatus") in {None, ""}
    assert agency.duffel.orders == []


async def test_an_erased_session_leaves_no_approval(agency: Agency) -> None:
    """What waits goes with its session; what the user was asked for in another one stays."""
    gone = await agency.asked("booking-session")
    user = User(agency.stack, "booking-session", "booking-session-2")
    await user.ask("please hold it")
    answer = await user.call("DELETE", "/sessions/booking-session?user_id=booking-session")
    assert answer.status_code == 200, answer.text
    assert (await agency.decide(gone)).status_code == 404
    left = (await user.call("GET", "/approvals?user_id=booking-session")).json()["approvals"]
    assert [one["session_id"] for one in left] == ["booking-session-2"]
    assert agency.duffel.orders == []


async def test_two_replicas_take_one_decision(brief: Agency) -> None:
    """Approved at one and rejected at the other at once: one of the two counts, and the outcome is its outcome."""
    approvals = [await brief.asked(f"booking-pair-{n}") for n in range(4)]
    doors = [brief.stack.replica_url(number) for number in (1, 2)]
    choices: tuple[Json, Json] = (APPROVE, {"decision": "reject"})
    answers = await asyncio.gather(
        *(brief.decide(a, choices[n ^ turn % 2], url=doors[n]) for turn, a in enumerate(approvals) for n in (0, 1))
    )
    for number, approval in enumerate(approvals):
        both = answers[2 * number : 2 * number + 2]
        assert sorted(answer.status_code for answer in both) == [200, 409]
        (won,) = (answer.json()["decision"]["decision"] for answer in both if answer.is_success)
        await brief.ended(approval, "held" if won == "approve" else "rejected")
        assert brief.duffel.orders_per_offer()[approval["offer"]["id"]] == (won == "approve")
        assert len(await brief.told(approval)) == 1


async def test_an_approval_that_nobody_decides_expires(brief: Agency) -> None:
    """When its time is up it has expired, that is told once, and a decision comes too late."""
    approval = await brief.asked("booking-late")
    ordered = len(brief.duffel.orders)
    await brief.ended(approval, "expired", 15)
    late = await brief.decide(approval)
    assert (late.status_code, late.json()["type"].rpartition(":")[2]) == (409, "approval-expired")
    assert len(await brief.told(approval)) == 1
    assert len(brief.duffel.orders) == ordered


@pytest.mark.parametrize(
    ("victim", "ordered", "late"),
    [
        pytest.param("app", 1, 0.0, marks=pytest.mark.full_size),
        pytest.param("app", 7, 0.0, marks=pytest.mark.full_size),
        ("app", 6, 1.5),
        pytest.param("daprd", 3, 0.0, marks=pytest.mark.full_size),
    ],
)
async def test_whatever_dies_at_whatever_step_of_a_hold(agency: Agency, victim: str, ordered: int, late: float) -> None:
    """Twelve holds, each a little further than the next, when the process dies: one order each, told once each.

    The decisions' clients send them again when nobody answers, as clients do; nothing else is done from outside.
    ``late``: the supplier's answers come so many seconds after its orders.
    """
    agency.duffel.arm("slow_after", "order", AT_ONCE if late else 0, late)
    mark = time.monotonic_ns()
    approvals = [await agency.asked(f"booking-kill-{mark}-{n}") for n in range(AT_ONCE)]
    deciding = asyncio.create_task(_one_after_the_other(agency, approvals))
    await poll_until(lambda: len(agency.duffel.orders) >= ordered, 10, "some are ordered")
    dying = asyncio.create_task(agency.stack.kill(victim))
    if victim == "app":
        print(f"killed at: {await _steps(agency, approvals)}")
    await dying
    await deciding
    for approval in approvals:
        await agency.ended(approval, within=40)
    assert set(agency.duffel.orders_per_offer().values()) == {1}
    assert len(agency.duffel.orders) == AT_ONCE
    for approval in approvals:
        assert len(await agency.told(approval)) == 1
        steps = [turn["outcome"] for turn in await agency.user("x").history(approval["session_id"])]
        assert steps == ["answered", "answered"]


async def test_the_tool_that_dies_asks_for_one_approval(agency: Agency) -> None:
    """Killed while twelve travellers are being asked: each turn is answered, and each has one approval."""
    names = [f"booking-tool-{time.monotonic_ns()}-{n}" for n in range(AT_ONCE)]
    turns = []
    for name in names:
        turns.append(await agency.user(name).start("please hold it"))
        await asyncio.sleep(APART)
    await agency.stack.kill("app")
    for name, turn in zip(names, turns, strict=True):
        user = agency.user(name)
        await poll_until(partial(_up, user), 30, "the service is back")
        assert (await user.finished(turn, 40))["response"] == "Please decide."
        found = (await user.call("GET", f"/approvals?user_id={name}")).json()["approvals"]
        assert Counter(one["status"] for one in found) == {"waiting": 1}


async def _one_after_the_other(agency: Agency, approvals: list[Json]) -> None:
    async def later(number: int, approval: Json) -> None:
        await asyncio.sleep(number * APART)
        await agency.insist(approval)

    await asyncio.gather(*(later(number, approval) for number, approval in enumerate(approvals)))


async def _steps(agency: Agency, approvals: list[Json]) -> dict[str, int]:
    """How far each is, read past the dead app: its record from the store, its order at the supplier."""
    ordered, found = agency.duffel.orders_per_offer(), []
    async with http_client(base_url=f"{agency.stack.dapr_url}/v1.0/state/conversationstore") as store:
        for approval in approvals:
            record = (await store.get(f"/booking:{approval['approval_id']}")).json()
            session = (await store.get(f"/session:{approval['session_id']}")).json()
            told = "told" if len(session["turns"]) > 1 else "telling" if session.get("lane") else "not told"
            order = "ordered" if ordered[approval["offer"]["id"]] else "not ordered"
            found.append(f"{record.get('status', 'waiting')}, {order}, {told}")
    return dict(Counter(found))


async def _up(user: User) -> bool:
    try:
        return (await user.call("GET", "/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def test_holds_that_a_server_numbers_alike_are_two(agency: Agency) -> None:
    """Two holds in two steps of one turn, every call with the id ``call_0``: two approvals, for the two offers.

    So it is with two watches; and no two calls of the turn share an id on the wire.
    """
    watched = {"destination": "Paris", "origin": "London", "max_price": 50}

    def script(request: Request) -> Answer:
        results = [json.loads(m["content"]) for m in request["messages"] if m["role"] == "tool"]
        if not results:
            search = ("search_flights", {"destination": "Paris", "origin": "London"})
            return Call((search, search), ("call_0", "call_0"))
        if len(results) < 4:
            (held,) = (one["id"] for one in results[len(results) - 2]["offers"] if one["id"].endswith("via"))
            return Call((("hold_flight", {"offer_id": held}),), ("call_0",))
        if len(results) < 6:
            return Call((("watch_fare", {**watched, "max_price": 50 + len(results)}),), (None,))
        return Say("Please decide.")

    before, agency.model.script = agency.model.script, script
    try:
        user = agency.user("alike")
        assert await user.ask("hold two of them") == "Please decide."
    finally:
        agency.model.script = before
    approvals = (await user.call("GET", "/approvals?user_id=alike")).json()["approvals"]
    assert len({one["offer"]["id"] for one in approvals}) == 2
    watches = (await user.call("GET", "/watches?user_id=alike")).json()["watches"]
    assert sorted(one["limit"] for one in watches) == ["54", "55"]
    (turn,) = await user.history("alike")
    assert len({call["id"] for message in turn["messages"] for call in message.get("tool_calls") or ()}) == 6
