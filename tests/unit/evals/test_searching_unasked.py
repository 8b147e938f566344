"""When a dialogue's agent asks, when it confirms, and searches that nobody asked for."""

from __future__ import annotations

import pytest
from evals.dialogues import Turn
from evals.score import judge
from tests.unit.evals.conftest import TRIP, dialogue, said, searched, system, user

LATER = {**TRIP, "departure_date": "2019-03-13"}
PARIS = {**TRIP, "destination": "Paris"}
ASKED = dialogue(user("to Rome"), system("Where from, and when?"), user("Oslo, the 12th"), system(**TRIP))


@pytest.mark.parametrize(("reply", "asks"), [("Where from?", 1), ("I see.", 0)])
def test_asking_where_something_is_missing(reply: str, asks: int) -> None:
    """Where the dialogue's agent asks, a reply that asks is right, and one that does not is a case."""
    seen = judge(ASKED, [said(reply), searched(**TRIP)])
    assert (seen.to_ask, seen.did_ask) == (1, asks)
    assert [(case.kind, case.got) for case in seen.confusions] == ([] if asks else [("not asked", "I see.")])


def test_searching_instead_of_asking() -> None:
    """A search with less than the next one of the dialogue has is no question, whatever is asked with it."""
    seen = judge(ASKED, [searched("From where?", destination="Rome"), searched(**TRIP)])
    assert (seen.to_ask, seen.asks, seen.wrong) == (1, 0, 0)
    assert seen.confusions[0].got == "origin —, destination ROM, departure_date —, return_date —"


def test_searching_at_once_with_all_that_is_needed() -> None:
    """An agent that asks for something else than its search needs is no measure of asking."""
    talk = dialogue(user("Oslo to Rome on the 12th"), system("Which airline?"), user("any"), system(**TRIP))
    seen = judge(talk, [searched(**TRIP), said("All right.")])
    assert (seen.to_ask, seen.joint, seen.wrong_rate) == (0, 1, 0)


@pytest.mark.parametrize(
    "turns",
    [
        (user(), system("Rome, correct?"), user("yes"), system(**TRIP)),
        (user(), system("Hello."), user(), system(**TRIP)),
        (user(), system(**TRIP), user("thanks"), system("Anything else?")),
        (user(), user()),
    ],
    ids=["it confirms", "it asks nothing", "it looked something up before", "nobody answers"],
)
def test_turns_at_which_nothing_is_missing(turns: tuple[Turn, ...]) -> None:
    """What the dialogue's agent says there is no measure of asking."""
    assert judge(dialogue(*turns), [said("Hm."), said("Hm.")]).to_ask == 0


def test_a_needless_repetition_is_a_wrong_search() -> None:
    """The same search again, at a turn where the dialogue's agent looked nothing up, is wrong."""
    talk = dialogue(user(), system(**TRIP), user("When does it land?"), system("At noon."))
    seen = judge(talk, [searched(**TRIP), searched(**TRIP)])
    assert (seen.searches, seen.wrong) == (2, 1)
    (case,) = seen.confusions
    assert (case.kind, case.message) == ("needless search", "When does it land?")


def test_a_repetition_that_the_dialogue_has_too_is_right() -> None:
    """Who looks the same thing up again when its agent does is not wrong."""
    talk = dialogue(user(), system(**TRIP), user("look again"), system(**TRIP))
    assert judge(talk, [searched(**TRIP), searched(**TRIP)]).wrong == 0


def test_a_search_where_the_dialogue_has_none_is_wrong() -> None:
    """Its places and days are in no call of the dialogue, which never looks anything up."""
    seen = judge(dialogue(user("my sister flies to Rome"), system("How nice.")), [searched(**TRIP)])
    assert (seen.wrong, seen.confusions[0].expected) == (1, "no search")


def test_the_searches_around_a_message_are_no_mistake() -> None:
    """A search that the dialogue makes next, or made last, is not wrong, though it comes too early or too late."""
    talk = dialogue(user(), system(**TRIP), user("the 13th"), system("A moment."), user("well?"), system(**LATER))
    assert judge(talk, [searched(**TRIP), searched(**LATER), searched(**TRIP)]).wrong == 0


def test_a_search_of_an_earlier_trip_is_wrong() -> None:
    """Only the last call counts of those before, not the ones that it replaced."""
    third = {**TRIP, "departure_date": "2019-03-14"}
    talk = dialogue(user(), system(**TRIP), user(), system(**LATER), user(), system(**third))
    assert judge(talk, [searched(**TRIP), searched(**LATER), searched(**TRIP)]).wrong == 1


@pytest.mark.parametrize("told", ["On March 12th, correct?", "So this Tuesday?", "Shall I look on the 12th?"])
def test_a_day_that_was_read_back_is_no_mistake(told: str) -> None:
    """A search for the day that the agent confirms, before the person thinks better of it, is not wrong."""
    talk = dialogue(user("the 12th"), system(told), user("no, the 13th"), system(**LATER))
    seen = judge(talk, [searched(**TRIP), searched(**LATER)])
    assert (seen.wrong, seen.joint) == (0, 1)


def test_a_place_that_was_read_back_is_no_mistake() -> None:
    """So for a city, named in the agent's words."""
    talk = dialogue(user("to Rome"), system("To Rome, is that right?"), user("Paris"), system(**PARIS))
    assert judge(talk, [searched(**TRIP), said("Paris, then.")]).wrong == 0


def test_what_was_read_back_a_message_ago_is_no_mistake() -> None:
    """It counts until the dialogue's agent looks something up."""
    talk = dialogue(user(), system("On the 12th, correct?"), user("no"), system("When?"), user(), system(**LATER))
    assert judge(talk, [said("Yes?"), searched(**TRIP), searched(**LATER)]).wrong == 0


def test_what_is_read_back_after_the_next_search_does_not_count() -> None:
    """What comes up later supports no search that is made now."""
    talk = dialogue(user(), system(**LATER), user("a day earlier"), system("On the 12th, correct?"))
    assert judge(talk, [searched(**TRIP), said("Yes?")]).wrong == 1


def test_what_was_read_back_before_another_search_does_not_count() -> None:
    """Once the agent looked something up, what it confirmed before is over."""
    talk = dialogue(user(), system("On the 12th, correct?"), user("no"), system(**LATER), user("ok"), system("Good."))
    assert judge(talk, [said("Yes?"), searched(**LATER), searched(**TRIP)]).wrong == 1
