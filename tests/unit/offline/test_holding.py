"""The offline model asks for a hold where an offer is named by its id, and only there."""

from __future__ import annotations

import json

import pytest

from travelbuddy.offline.dialogue import respond
from travelbuddy.offline.holding import ASKED
from travelbuddy.offline.transcript import Call, Message

TOOLS = frozenset({"search_flights", "hold_flight"})
ASK = "Hold PP 198 from LHR to BVA on 10 December 2026 for me (offer off_LHRPAR_20261210_10x_186a264df8fa)."
OFFER = "off_LHRPAR_20261210_10x_186a264df8fa"


def test_the_card_s_request_becomes_a_call() -> None:
    """The id that the message names is the one that is asked for; without the tool nothing is called."""
    assert respond([Message("user", ASK)], TOOLS).calls == (Call("hold_flight", {"offer_id": OFFER}),)
    assert all(
        call.name != "hold_flight" for call in respond([Message("user", ASK)], frozenset({"search_flights"})).calls
    )


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"approval_id": "a", "status": "waiting"}, ASKED),
        (
            {"error": {"type": "offer_gone", "message": "There is no such offer."}},
            "I cannot ask for that: There is no such offer.",
        ),
    ],
)
def test_the_result_is_told(result: dict[str, object], said: str) -> None:
    """What came of it is said, and the tool is not called again."""
    asked = Message("assistant", calls=(Call("hold_flight", {"offer_id": OFFER}, "c"),))
    reply = respond([Message("user", ASK), asked, Message("tool", json.dumps(result), call_id="c")], TOOLS)
    assert (reply.calls, reply.text) == ((), said)


@pytest.mark.parametrize(
    "text", ["Hold on, I think", "Tell me about (offer off_1234)", "Hold it (offer x)", "(offer off_1)"]
)
def test_nothing_else_is_a_hold(text: str) -> None:
    """Words that are no request for an offer with an id hold nothing."""
    assert all(call.name != "hold_flight" for call in respond([Message("user", text)], TOOLS).calls)
