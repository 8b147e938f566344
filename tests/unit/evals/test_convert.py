"""Dialogues of the dataset become ours."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from evals import convert
from evals.dialogues import Call, Dialogue, Query, asked, read
from tests.unit.evals.conftest import TRIP

Convert = Callable[..., list[Dialogue]]
SEARCH = {"method": "SearchFlights", "parameters": TRIP}


def _turn(speaker: str, text: str, *frames: dict[str, Any]) -> dict[str, Any]:
    return {"speaker": speaker, "utterance": text, "frames": frames or [_frame()]}


def _frame(call: dict[str, Any] | None = None) -> dict[str, Any]:
    found = {"service_call": call, "service_results": [{"price": "120"}]} if call else {}
    return {"service": "Flights_9", "slots": [], "actions": [{"act": "OFFER", "slot": "", "values": []}], **found}


def _recorded(number: str, *turns: dict[str, Any], services: tuple[str, ...] = ("Flights_9",)) -> dict[str, Any]:
    return {"dialogue_id": number, "services": services, "turns": turns}


TALK = (_turn("USER", "to Rome, s’il vous plaît"), _turn("SYSTEM", "Here is one.", _frame(), _frame(SEARCH)))


@pytest.fixture
def converted(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Convert:
    """Writes the files of a split, converts them, and reads what was written."""

    def run(**files: list[dict[str, Any]]) -> list[Dialogue]:
        (tmp_path / "schema.json").write_text('[{"service_name": "Flights_9"}]')
        for name, recorded in files.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(recorded))
        monkeypatch.setattr(sys, "argv", ["convert", str(tmp_path)])
        assert convert.main() == 0
        (tmp_path / "d.jsonl").write_text(capsys.readouterr().out, encoding="utf-8")
        return read(tmp_path / "d.jsonl")

    return run


def test_what_is_written_can_be_read(converted: Convert) -> None:
    """A dialogue has its number, its service, and what both said."""
    (one,) = converted(dialogues_001=[_recorded("1_1", *TALK)])
    assert (one.id, one.service) == ("1_1", "Flights_9")
    assert [(turn.speaker, turn.text) for turn in one.turns] == [
        ("USER", "to Rome, s’il vous plaît"),
        ("SYSTEM", "Here is one."),
    ]


def test_a_call_stands_at_the_turn_that_tells_its_outcome(converted: Convert) -> None:
    """It is taken from whichever frame has it, with its service, and is read as a search."""
    (one,) = converted(dialogues_001=[_recorded("1_1", *TALK)])
    assert [turn.call for turn in one.turns] == [None, Call(service="Flights_9", **SEARCH)]
    assert asked(Call(service="Flights_9", **SEARCH)) == Query("OSL", "ROM", "2019-03-12")


def test_only_dialogues_about_flights_alone_are_written(converted: Convert) -> None:
    """One that is about a hotel, too, is left out."""
    mixed = _recorded("1_2", *TALK, services=("Flights_9", "Hotels_1"))
    assert [one.id for one in converted(dialogues_001=[_recorded("1_1", *TALK), mixed])] == ["1_1"]


def test_files_are_converted_in_their_order(converted: Convert) -> None:
    """The same folder always gives the same lines; what is no file of dialogues is not looked at."""
    second, first = [_recorded("2_1", *TALK)], [_recorded("1_1", *TALK)]
    assert [one.id for one in converted(dialogues_002=second, dialogues_001=first)] == ["1_1", "2_1"]


def test_the_split_is_the_name_of_the_folder() -> None:
    """A dialogue tells where it is from, and how many results its call had."""
    ours = convert.converted(_recorded("1_1", *TALK), "train")
    assert (ours["split"], ours["turns"][1]["results"]) == ("train", 1)


def test_a_folder_without_dialogues_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, the message says what is looked for, and the exit code is 2."""
    monkeypatch.setattr(sys, "argv", ["convert", str(tmp_path)])
    assert convert.main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "dialogues_*.json of the Schema-Guided Dialogue dataset" in err
