"""What an error of the model's server means, by its status and its codes."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.domain.model_errors import MAX_WORDS, WORDS, Refusal, ServerError, read_error, refusal
from travelbuddy.workflow.texts import REFUSED

WAITED_FOR = [408, 409, 425, 429, 500, 501, 502, 503, 504, 529]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "key"),
        (403, "key"),
        (404, "not_found"),
        (301, "not_found"),
        (402, "quota"),
        (413, "too_long"),
        (400, "bad_request"),
        (405, "bad_request"),
        (422, "bad_request"),
        *((status, None) for status in WAITED_FOR),
    ],
)
def test_a_status_alone_says_enough(status: int, reason: Refusal | None) -> None:
    """Without a code that is known the status decides; what passes by itself is no refusal."""
    assert refusal(status) == refusal(status, ["server_error", ""]) == reason


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "context_length_exceeded", "too_long"),
        (400, "exceed_context_size_error", "too_long"),
        (500, "exceed_context_size_error", "too_long"),
        (400, "string_above_max_length", "too_long"),
        (400, "content_filter", "content_filter"),
        (400, "content_policy_violation", "content_filter"),
        (403, "content_policy_violation", "content_filter"),
        (429, "insufficient_quota", "quota"),
        (429, "Insufficient_Quota", "quota"),
        (429, "billing_hard_limit_reached", "quota"),
        (402, "billing_not_active", "quota"),
        (429, "rate_limit_exceeded", None),
        (429, "7", None),
    ],
)
def test_a_code_says_more(status: int, code: str, reason: Refusal | None) -> None:
    """A code that is known decides before the status: a quota that is used up does not come back in a moment."""
    assert refusal(status, [code]) == refusal(status, ["invalid_request_error", code]) == reason


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"code": "a", "type": "b", "message": "c"}}, ServerError(("a", "b"), "c")),
        ([{"error": {"code": 429, "message": "c"}}], ServerError(("429",), "c")),
        ({"object": "error", "code": 400, "type": "b", "message": "c"}, ServerError(("400", "b"), "c")),
        ({"error": "no"}, ServerError((), "no")),
        ({"error": {"code": None, "message": None}}, ServerError((), '{"error": {"code": null, "message": null}}')),
        ([], ServerError((), "[]")),
        (7, ServerError((), "7")),
    ],
)
def test_codes_and_words_are_read_in_each_form(body: Any, said: ServerError) -> None:
    """OpenAI's form, a list, a flat object, a text: codes where there are any, words always."""
    assert read_error(json.dumps(body).encode()) == said


@given(st.binary(max_size=1_000) | st.from_type(dict).map(lambda d: json.dumps(d, default=str).encode()))
def test_no_body_breaks_it(body: bytes) -> None:
    """Whatever a server sends, there is an answer, and its words are bounded."""
    assert len(read_error(body).words) <= MAX_WORDS


def test_each_refusal_has_its_words_and_only_what_passes_asks_for_the_message_again() -> None:
    """Each reason has a sentence for the record and one for the traveller; none asks to send the message again."""
    assert set(WORDS) == set(REFUSED) == set(get_args(Refusal))
    assert len(set(REFUSED.values())) == len(REFUSED)
    assert not [text for text in REFUSED.values() if "again" in text]
