"""The figures as people read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from evals import report
from evals.score import Confusion, Tally, judge, tally
from tests.unit.evals.conftest import TRIP, dialogue, said, searched, system, user

from travelbuddy.errors import RuntimeProblem

TALK = dialogue(user("a | b"), system("When?"), user("the 12th"), system(**TRIP))
RIGHT = judge(TALK, [said("When?"), searched(**TRIP)])
WRONG = judge(TALK, [said("When?"), searched(**{**TRIP, "origin": "Bergen"})])
CASE = Confusion("7", "not asked", "so to say | this", "a question", "a search")


def _page(total: Tally, **services: Tally) -> list[str]:
    return report.lines("offline-x", total, services, 3.2, "d.jsonl")


def test_the_report_says_what_was_played() -> None:
    """How many dialogues of which file, to which model, and how long it took."""
    assert _page(RIGHT)[0].startswith("1 dialogues of `d.jsonl` played to `offline-x` in 3 s; ")


def test_each_service_has_its_column() -> None:
    """The figures of each service stand beside those of all."""
    both = tally([(TALK, [said("When?"), searched(**TRIP)]), (TALK, [said("When?"), said("Which?")])])
    missed = judge(TALK, [said("When?"), said("Which?")])
    page = _page(both, first=RIGHT, second=missed)
    assert "|  | first | second | all |" in page
    assert "|---|---|---|---|" in page
    assert "| dialogues | 1 | 1 | 2 |" in page
    assert "| **joint accuracy** | **1.000** | **0.000** | **0.500** |" in page
    assert "| recall, departure date | 1.000 | 0.000 | 0.500 |" in page
    assert "| turns that lack something, and asked then | 1: 1.000 | 1: 1.000 | 2: 1.000 |" in page
    assert "| our searches, and wrong ones | 1: 0.000 | 0: 0.000 | 1: 0.000 |" in page


def test_each_slot_has_its_row() -> None:
    """How often the dialogues name it, and the part of that which is right, and of what ours name."""
    page = _page(WRONG)
    assert "| slot | named by the dialogues | recall | precision |" in page
    assert "| origin | 1 | 0.000 | 0.000 |" in page
    assert "| destination | 1 | 1.000 | 1.000 |" in page


def test_what_did_not_occur_has_no_figure() -> None:
    """A part of nothing is a dash, neither good nor bad."""
    page = _page(judge(dialogue(user("thanks")), [said("Bye.")]))
    assert "| **joint accuracy** | – |" in page
    assert "| bookings of the dialogues, and joint accuracy | – |" in page
    assert "| turns that lack something, and asked then | – |" in page
    assert "| recall, origin | – |" in page
    assert "| airline | 0 | – | – |" in page


def test_bookings_have_their_own_figure() -> None:
    """How many there are, and the part of them that is right."""
    talk = dialogue(user(), system(method="ReserveFlight", **TRIP))
    page = _page(judge(talk, [searched(**TRIP)]))
    assert "| bookings of the dialogues, and joint accuracy | 1: 1.000 |" in page


def test_goals_that_are_met() -> None:
    """Where all is right, each goal says its figure, what was asked, and that it is met."""
    assert all(goal.met for goal in report.goals(RIGHT))
    assert _page(RIGHT)[-4:] == [
        "- recall of origin and destination: 1.000, at least 0.95 asked: met",
        "- recall of the dates: 1.000, at least 0.93 asked: met",
        "- joint accuracy: 1.000, at least 0.80 asked: met",
        "- wrong searches: 0.000, under 0.03 asked: met",
    ]


def test_a_goal_that_is_missed_stands_out() -> None:
    """Only those that are not reached are missed."""
    assert _page(WRONG)[-4:] == [
        "- recall of origin and destination: 0.500, at least 0.95 asked: **missed**",
        "- recall of the dates: 1.000, at least 0.93 asked: met",
        "- joint accuracy: 0.000, at least 0.80 asked: **missed**",
        "- wrong searches: 1.000, under 0.03 asked: **missed**",
    ]


@pytest.mark.parametrize(("most", "met"), [(False, True), (True, False)])
def test_a_figure_at_its_bound(most: bool, met: bool) -> None:
    """At least so much is met by just so much; under so much is not."""
    assert report.Goal("figure", 0.5, 0.5, most=most).met is met


def test_the_most_frequent_cases_come_first() -> None:
    """Every case is listed, those of one kind together."""
    often = replace(CASE, kind="needless search")
    _, _, *rows = report.cases([often, CASE, often])
    assert [row.split(" | ")[1] for row in rows] == ["needless search", "needless search", "not asked"]


def test_a_case_stays_in_its_cell() -> None:
    """What a Markdown table would break at becomes a space, and what is long is cut."""
    *_, row = report.cases([replace(CASE, message="so | to\nsay", got="x" * 999)])
    assert row == f"| 7 | not asked | so   to say | a question | {'x' * report.LONGEST}… |"


def test_a_kind_of_case_is_counted_and_shown_once() -> None:
    """The page has how often it occurs and the first case of it."""
    _, _, *rows = report.examples([CASE, replace(CASE, dialogue="8")])
    assert rows == ["| not asked | 2 | 7 | a question | a search |"]


def test_the_page_shows_so_many_kinds_of_case() -> None:
    """The rarest are left to the command line."""
    kinds = [f"kind {number}" for number in range(report.SHOWN + 1)]
    _, _, *rows = report.examples([replace(CASE, kind=kind) for kind in (kinds[0], *kinds)])
    assert len(rows) == report.SHOWN
    assert rows[0].startswith("| kind 0 | 2 |")


def test_the_page_shows_nothing_that_people_said() -> None:
    """The dialogues are not ours to copy: the page has their numbers, the command line has their words."""
    assert "so to say   this" in "\n".join(report.cases([CASE]))
    assert "so to say" not in "\n".join([*_page(WRONG), *report.examples([CASE])])


def test_the_figures_are_written_between_their_marks(tmp_path: Path) -> None:
    """What stands around them stays, and writing again replaces what was written."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.HEAD}\nold\n{report.TAIL}\nafter\n")
    for figures in ("first", r"second \1"):
        report.write([figures], page)
    assert page.read_text() == f"before\n{report.HEAD}\n\nsecond \\1\n\n{report.TAIL}\nafter\n"


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    """Where the figures have no place the message names the page and both marks, and nothing is lost."""
    page = tmp_path / "page.md"
    page.write_text("something else")
    with pytest.raises(RuntimeProblem, match=rf"page\.md has no place.*{report.HEAD}.*{report.TAIL}"):
        report.write(["figures"], page)
    assert page.read_text() == "something else"


def test_the_page_of_the_project_has_the_marks() -> None:
    """`make eval` can write where it writes by default."""
    text = report.PAGE.read_text(encoding="utf-8")
    assert (text.count(report.HEAD), text.count(report.TAIL)) == (1, 1)
