"""The id of a turn."""

from __future__ import annotations

import re

from hypothesis import assume, example, given
from hypothesis import strategies as st

from travelbuddy.incoming import Incoming, turn_id_for

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def _id(user: str, key: str | None, session: str = "s", text: str = "hello") -> str:
    return turn_id_for(Incoming(user_id=user, session_id=session, text=text, key=key))


@given(WORDS, WORDS)
def test_an_id_is_fit_for_every_door(user: str, key: str) -> None:
    """Letters, digits, ``-`` and ``_`` only, and never longer than a store key may be."""
    for turn_id in (_id(user, key), _id(user, None)):
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", turn_id)


@given(WORDS, WORDS, WORDS, WORDS)
def test_the_key_alone_names_the_turn(user: str, key: str, session: str, text: str) -> None:
    """The same user and key give the same id, whatever else the message holds."""
    assert _id(user, key) == _id(user, key, session, text)


@given(WORDS, WORDS, WORDS, WORDS)
@example("a", "b:c", "a:b", "c")
@example("1", "1:1:a", "1:1", "1:a")
def test_two_users_never_share_an_id(user: str, key: str, other: str, other_key: str) -> None:
    """Another user, or another key, is another id; no separator in either can make them meet."""
    assume((user, key) != (other, other_key))
    assert _id(user, key) != _id(other, other_key)


def test_ids_outlast_a_deployment() -> None:
    """A key that a client sends again after an upgrade still finds its turn."""
    assert _id("ada", "order-7") == "ufdee430d40bd57de-k520f86821bf0af4be3fed94642a01bfae0be7446"


def test_without_a_key_every_message_is_a_turn() -> None:
    """The same words twice are two turns."""
    assert len({_id("ada", None) for _ in range(100)}) == 100
