from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.terminal.texts import json_text, one_line, shown

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ANY = st.text(st.characters() | st.characters(categories=["Cc", "Cs"]) | st.sampled_from(BIDI + "\u2028\u2029"))


def steers(text: str) -> bool:
    """Whether anything in it could do more than be shown."""
    return any((unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} and c not in "\n\t") or c in BIDI for c in text)


def test_escape_sequences_lose_what_makes_them_work() -> None:
    """Colours, titles, 8-bit controls and reversed writing become plain characters; line ends become line feeds."""
    assert shown("\x1b[31mred\x1b]0;t\x07 \x9b1m \u202eevil\r\nnext\u2028last") == "[31mred]0;t 1m evil\nnext\nlast"


def test_writing_of_the_world_stays() -> None:
    """Accents, scripts from right to left, joined emoji and tabs are not touched."""
    text = "Zürich 東京 تونس 👩‍✈️\tok"
    assert shown(text) == text


@given(ANY)
def test_nothing_shown_steers_a_terminal(text: str) -> None:
    """No control, half character or bidirectional control is left in any way of showing."""
    assert not steers(shown(text))
    line = one_line(text, 20)
    assert not steers(line)
    assert "\n" not in line
    assert len(line) <= 20


@given(st.dictionaries(ANY, ANY, max_size=3))
def test_json_means_the_same_and_steers_nothing(value: dict[str, str]) -> None:
    """What is printed as JSON reads back as it was."""
    text = json_text(value)
    assert not steers(text)
    assert json.loads(text) == value
