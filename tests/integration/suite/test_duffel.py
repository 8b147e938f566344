"""FLIGHTS=duffel on a real stack, with a supplier of our own that speaks its protocol."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.integration.framework.client import User
from tests.integration.framework.duffel_stub import DuffelStub
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="a supplier's answer is stored as any tool's is"),
]


@dataclass(frozen=True)
class Selling:
    """A stack that sells what the supplier has."""

    stack: Stack
    model: ScriptedModel
    duffel: DuffelStub


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def selling_stack(dapr_runtime: None, kept_in: None) -> AsyncIterator[Selling]:
    """One stack for the file."""
    with ScriptedModel() as model, DuffelStub() as duffel:
        async with Stack(env={**model.env, **duffel.env}) as stack:
            yield Selling(stack, model, duffel)


@pytest.fixture
def selling(selling_stack: Selling) -> Selling:
    """The stack, with model and supplier as new."""
    selling_stack.model.reset()
    selling_stack.duffel.reset()
    return selling_stack


async def test_a_search_is_a_step_of_its_own_and_its_offers_are_told(selling: Selling) -> None:
    """The offers are in the answer's metadata as Duffel sold them, marked as test fares, in its currency."""
    user = User(selling.stack, "duffel-ada", f"duffel {time.monotonic_ns()}")
    answer = await user.chat("Find me a flight")
    found = answer["metadata"]["offers"]
    assert found["source"] == "duffel-test"
    assert [(one["id"], one["total_amount"], one["total_currency"]) for one in found["offers"]] == [
        ("off_000001_instant", "80.00", "GBP"),
        ("off_000001_via", "90.00", "GBP"),
    ]
    assert any("test mode" in note for note in found["notes"])
    view = await user.finished(answer["metadata"]["workflow_instance_id"])
    assert [step["name"] for step in view["timeline"]] == ["call_model", "search_flights", "call_model"]
    assert len(selling.duffel.requests) == 1


async def test_a_suppliers_error_goes_to_the_model_which_answers(selling: Selling) -> None:
    """The turn ends well: the model is told what the supplier said, and the user gets its answer."""
    fault = selling.duffel.arm("503", "offer_requests")
    user = User(selling.stack, "duffel-ada", f"duffel {time.monotonic_ns()}")
    answer = await user.chat("Find me a flight, if you can")
    assert fault.fired == 1
    told = json.loads(selling.model.requests[-1]["messages"][-1]["content"])
    assert told["error"]["type"] == "unavailable"
    assert "not available" in told["error"]["message"]
    assert answer["response"] == "Flights to Paris for: Find me a flight, if you can"
    assert answer["metadata"]["offers"] is None


async def test_the_breaker_is_among_the_metrics(selling: Selling) -> None:
    """Each breaker stands there once, and the page for Prometheus stays one that it can read."""
    user = User(selling.stack)
    text = (await user.call("GET", "/metrics")).text
    assert text.count("# TYPE travelbuddy_breaker_state gauge") == 1
    assert 'travelbuddy_breaker_state{breaker="duffel"} 0.0' in text
    assert (await user.call("GET", "/about")).json()["flights"] == "duffel-test"


async def test_the_token_is_in_no_log(selling: Selling) -> None:
    """Neither the app's lines nor the sidecar's have it."""
    fault = selling.duffel.arm("500", "offer_requests")
    user = User(selling.stack, "duffel-ada", f"duffel {time.monotonic_ns()}")
    await user.chat("Find me a flight")
    assert fault.fired == 1
    logs = "".join(path.read_text(errors="replace") for path in (selling.stack.data_dir / "logs").glob("*.log"))
    assert "duffel.refused" in logs
    assert selling.duffel.env["DUFFEL_ACCESS_TOKEN"] not in logs + selling.stack.printed()
