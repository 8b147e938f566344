"""Sealed texts: whatever they hold, they come back whole, and to nobody else."""

from __future__ import annotations

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.errors import CannotOpen
from travelbuddy.sealing import MARK, Sealer, is_sealed, key_id

KEY, OTHER = secrets.token_hex(32), secrets.token_hex(32)
TEXTS = st.text(st.characters(exclude_categories=()))  # half characters too
SEALER = Sealer("PAYLOAD_KEY", KEY)


@given(TEXTS, st.text())
def test_any_text_comes_back_whole(text: str, place: str) -> None:
    """What is sealed for a place opens there to the same text, bare or in quotes as JSON has it."""
    sealed = SEALER.seal(text, place)
    assert is_sealed(sealed)
    assert SEALER.open(sealed, place) == text
    assert SEALER.open(f'"{sealed}"', place) == text


@given(st.text(min_size=4))
def test_a_sealed_text_shows_nothing_and_is_never_the_same(text: str) -> None:
    """Neither the text nor its base64 is in it, and sealing twice gives two different ones."""
    sealed = SEALER.seal(text, "here")
    assert sealed != SEALER.seal(text, "here")
    raw = base64.b64decode(sealed.rpartition(".")[2])
    assert text.encode(errors="surrogatepass") not in raw


@given(TEXTS, st.data())
def test_a_changed_one_does_not_open(text: str, data: st.DataObject) -> None:
    """One bit turned anywhere in nonce, text or tag is found out."""
    head, _, body = SEALER.seal(text, "here").rpartition(".")
    raw = bytearray(base64.b64decode(body))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CannotOpen, match="changed, or moved"):
        SEALER.open(f"{head}.{base64.b64encode(raw).decode()}", "here")


@given(st.text(), st.text(), st.text())
def test_one_from_elsewhere_does_not_open(text: str, here: str, there: str) -> None:
    """A text sealed for one place cannot be moved to another."""
    sealed = SEALER.seal(text, here)
    if here != there:
        with pytest.raises(CannotOpen, match="changed, or moved"):
            SEALER.open(sealed, there)


@given(st.text())
def test_whatever_follows_the_mark_is_opened_or_refused(rest: str) -> None:
    """Nonsense that looks sealed is refused with a reason, and breaks nothing."""
    for head in (MARK, f"{MARK}{key_id(KEY)}."):
        with pytest.raises(CannotOpen):
            SEALER.open(head + rest, "here")


@given(TEXTS)
def test_without_a_key_nothing_changes(text: str) -> None:
    """A sealer without keys leaves texts alone, and so does opening what was never sealed."""
    assert Sealer().seal(text, "here") is text
    if not is_sealed(text):
        assert Sealer().open(text, "here") is text
        assert SEALER.open(text, "here") is text


def test_keys_are_changed_without_a_gap() -> None:
    """First the new key only opens, then it seals and the old one only opens; each reads what all have written."""
    before = Sealer("STATE_KEY", OTHER)
    prepared = Sealer("STATE_KEY", OTHER, [KEY])
    changed = Sealer("STATE_KEY", KEY, [OTHER])
    texts = [one.seal("hello", "here") for one in (before, prepared, changed)]
    assert [prepared.open(text, "here") for text in texts] == ["hello"] * 3
    assert [changed.open(text, "here") for text in texts] == ["hello"] * 3
    assert [text.split(".")[2] for text in texts] == [key_id(OTHER), key_id(OTHER), key_id(KEY)]


def test_a_missing_key_is_named() -> None:
    """The reason says which key is missing, by its id, and which setting wants it."""
    sealed = Sealer("STATE_KEY", OTHER).seal("hello", "here")
    for without in (Sealer("STATE_KEY"), Sealer("STATE_KEY", KEY)):
        with pytest.raises(CannotOpen, match=f"{key_id(OTHER)}.*STATE_KEY_OLD"):
            without.open(sealed, "here")


def test_a_key_that_only_opens_does_not_seal() -> None:
    """So that every replica can read sealed texts before the first one writes them."""
    opens = Sealer("STATE_KEY", None, [KEY])
    assert not opens.seals
    assert opens.seal("hello", "here") == "hello"
    assert opens.open(SEALER.seal("hello", "here"), "here") == "hello"
