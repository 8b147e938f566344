"""How ``python -m evals`` ends once it has played."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from evals import __main__ as command
from evals import report
from evals.dialogues import Dialogue
from evals.score import Played
from tests.unit.evals.conftest import TRIP, dialogue, said, searched, system, user

from travelbuddy.errors import RuntimeProblem

TALK = dialogue(user("Oslo to Rome on the 12th"), system(**TRIP))


class Run:
    """The command on one dialogue, with a player that makes of every one what ``outcome`` says, or raises it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
        self.data = data
        self.model = "offline-x"
        self.outcome: Played | Exception = searched(**TRIP)
        self._monkeypatch = monkeypatch
        data.write_text(TALK.model_dump_json())
        monkeypatch.setattr(command, "_play", self._play)

    def __call__(self, *options: str) -> int:
        given = ["evals", "--url=http://service", f"--data={self.data}", *options]
        self._monkeypatch.setattr(sys, "argv", given)
        return command.main()

    async def _play(
        self, url: str, dialogues: Sequence[Dialogue], at_once: int
    ) -> tuple[str, list[tuple[Dialogue, list[Played]]]]:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.model, [(each, [self.outcome] * len(each.exchanges())) for each in dialogues]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command, which finds its dialogue in a file of its own."""
    return Run(monkeypatch, tmp_path / "d.jsonl")


def test_goals_that_are_met_end_with_0(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The report is printed, with a column for the service of the dialogues."""
    assert run() == 0
    assert "|  | desk | all |" in capsys.readouterr().out


def test_a_missed_goal_ends_with_1(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """So that CI notices; the cases are printed where they are asked for."""
    run.outcome = said("Where to?")
    assert run("--cases") == 1
    assert "| Oslo to Rome on the 12th |" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--limit=1", "--service=desk"])
def test_a_part_of_the_dialogues_has_no_goals(run: Run, option: str) -> None:
    """They are for the whole file."""
    run.outcome = said("Where to?")
    assert run(option) == 0


def test_another_model_has_no_goals(run: Run) -> None:
    """They are those of the offline model."""
    run.outcome, run.model = said("Where to?"), "gpt-x"
    assert run() == 0


def test_the_projects_own_dialogues_have_no_goals(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are hard on purpose; also where their file is named from the folder of the project."""
    run.outcome = said("Where to?")
    monkeypatch.chdir(command.OWN.parents[1])
    assert run("--data=evals/own.jsonl") == 0


def test_a_service_that_gives_no_answer_ends_with_2(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The problem of the first of the dialogues that are played at the same time is said in one line."""
    run.outcome = ExceptionGroup("played", [RuntimeProblem("no answer"), RuntimeProblem("none here either")])
    assert run() == 2
    assert capsys.readouterr().err == "no answer\n"


def test_a_mistake_of_ours_is_not_hidden(run: Run) -> None:
    """It ends with its stack trace, not as a problem of the machine."""
    run.outcome = ExceptionGroup("played", [KeyError("turns")])
    with pytest.raises(ExceptionGroup, match="played"):
        run()


def test_figures_without_a_place_end_with_2(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are printed all the same, and the message says what the page lacks."""

    def refuse(told: Sequence[str]) -> None:
        raise RuntimeProblem("no place for the figures")

    monkeypatch.setattr(report, "write", refuse)
    assert run("--write") == 2
    out, err = capsys.readouterr()
    assert "**joint accuracy**" in out
    assert err == "no place for the figures\n"
