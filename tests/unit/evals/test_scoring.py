"""What counts as right and as wrong in how a dialogue was understood."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from evals.score import Confusion, Played, Tally, judge
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.evals.conftest import TRIP, dialogue, said, searched, system, user

ASKED = dialogue(user("to Rome"), system("Where from, and when?"), user("Oslo, the 12th"), system(**TRIP))
LATER = {**TRIP, "departure_date": "2019-03-13"}


def test_the_same_search_is_right() -> None:
    """A search that equals the dialogue's, after a question where it asked, is right in every figure."""
    seen = judge(ASKED, [said("Where from?"), searched(**TRIP)])
    assert (seen.joint, seen.asks, seen.wrong_rate) == (1, 1, 0)
    assert seen.recall("origin", "destination", "departure_date") == 1
    assert seen.confusions == []


def test_places_and_days_are_compared_as_what_they_mean() -> None:
    """An airport is its city, and words of a city are its code."""
    wanted = dialogue(user(), system(origin_city="NYC", destination_airport="Paris", departure_date="2019-03-12"))
    assert judge(wanted, [searched(origin="JFK", destination="CDG", departure_date="2019-03-12")]).joint == 1


@pytest.mark.parametrize(("slot", "other"), [("origin", "BGO"), ("destination", "PAR"), ("return_date", "2019-03-16")])
def test_one_wrong_slot_is_wrong_twice(slot: str, other: str) -> None:
    """The call is missed, and the search that was made is a wrong one; both say which slot it is."""
    trip = {**TRIP, "return_date": "2019-03-15"}
    wanted = dialogue(user("Oslo to Rome"), system(**trip))
    seen = judge(wanted, [searched(**{**trip, slot: other})])
    assert (seen.joint, seen.wrong, seen.searches) == (0, 1, 1)
    assert [case.kind for case in seen.confusions] == [f"wrong search: {slot}", f"search: {slot}"]
    assert {case.got for case in seen.confusions} == {f"{slot} {other}"}


def test_the_other_slots_of_a_wrong_search_are_right() -> None:
    """Recall and precision are each slot's own."""
    seen = judge(ASKED, [said("When?"), searched(**{**TRIP, "origin": "Bergen"})])
    assert (seen.recall("origin"), seen.precision("origin")) == (0, 0)
    assert (seen.recall("destination"), seen.precision("destination")) == (1, 1)
    assert seen.recall("origin", "destination") == 0.5


def test_no_search_where_one_was_due() -> None:
    """Nothing named is nothing recalled, and no precision is lost by it."""
    seen = judge(ASKED, [said("When?"), said("Which day?")])
    assert (seen.joint, seen.recall("origin"), seen.precision("origin"), seen.wrong_rate) == (0, 0, 1, 0)
    expected = "origin OSL, destination ROM, departure_date 2019-03-12"
    kind = "search: origin, destination, departure_date"
    assert seen.confusions == [Confusion("one", kind, "Oslo, the 12th", expected, "no search")]


def test_no_search_is_never_right() -> None:
    """Even where the call of the dialogue names neither place nor day."""
    talk = dialogue(user("what does Delta fly?"), system(airlines="Delta Airlines"))
    seen = judge(talk, [said("Where to?")])
    assert (seen.calls, seen.right) == (1, 0)
    assert seen.confusions[0].got == "no search"


def test_a_search_that_was_refused_is_none() -> None:
    """The tool took nothing of it; it is counted apart."""
    seen = judge(ASKED, [said("When?"), Played("That day is over.", refused=("departure_date is past",))])
    assert (seen.refused, seen.searches, seen.joint) == (1, 0, 0)


def test_the_last_search_stands() -> None:
    """A call is compared with the search before it, also of an earlier message, and with the last one of several."""
    talk = dialogue(user("the 12th"), system("One moment."), user("or better the 13th"), system(**LATER))
    assert judge(talk, [searched(**LATER), said("There they are.")]).joint == 1
    assert judge(talk, [said("Sure."), searched("Here.", TRIP, **LATER)]).joint == 1
    assert judge(talk, [said("Sure."), searched("Here.", LATER, **TRIP)]).joint == 0


def test_a_way_back_that_nobody_asked_for_is_wrong() -> None:
    """The joint accuracy counts a return date that is too much like one that is missing."""
    seen = judge(ASKED, [said("When?"), searched(**TRIP, return_date="2019-03-15")])
    assert (seen.joint, seen.wrong, seen.precision("return_date"), seen.recall("return_date")) == (0, 1, 0, 1)


def test_a_wish_that_was_missed_leaves_the_journey_right() -> None:
    """Cabin, travellers, stops and airline have their own figures; a case has them of them."""
    talk = dialogue(user(), system(**TRIP, airlines="Delta Airlines", passengers="2"))
    seen = judge(talk, [searched(**TRIP, passengers=1)])
    assert (seen.joint, seen.wrong, seen.recall("airline", "passengers")) == (1, 0, 0)
    (case,) = seen.confusions
    assert (case.kind, case.got) == ("search: passengers, airline", "passengers 1, airline —")


def test_a_default_is_what_was_not_said() -> None:
    """One passenger and economy cost no precision where the dialogue names neither."""
    seen = judge(ASKED, [said("When?"), searched(**TRIP, passengers=1, cabin="economy")])
    assert (seen.given["passengers"], seen.given["cabin"]) == (0, 0)


def test_a_default_that_was_said_is_right() -> None:
    """Where the dialogue names one traveller in economy, leaving both out means the same."""
    seen = judge(dialogue(user(), system(**TRIP, passengers="1", seating_class="Economy")), [searched(**TRIP)])
    assert seen.recall("passengers", "cabin") == seen.precision("passengers", "cabin") == 1
    assert seen.confusions == []


def test_a_default_that_was_said_needs_a_search() -> None:
    """Who searched for nothing has not understood that one traveller flies in economy."""
    seen = judge(dialogue(user(), system(**TRIP, passengers="1", seating_class="Economy")), [said("Hm.")])
    assert (seen.recall("passengers", "cabin"), seen.given["cabin"]) == (0, 0)


def test_bookings_are_counted_apart() -> None:
    """A call that books is compared with the last search, and leaves the accuracy of searches alone."""
    talk = dialogue(user(), system(**TRIP), user("book it"), system(method="ReserveFlight", **TRIP, passengers="2"))
    seen = judge(talk, [searched(**TRIP), said("Nothing is held yet.")])
    assert (seen.calls, seen.joint, seen.bookings, seen.joint_bookings) == (1, 1, 1, 1)
    assert (seen.named["passengers"], seen.recall("passengers")) == (1, 0)
    assert [case.kind for case in seen.confusions] == ["booking: passengers"]


def test_a_booking_of_something_else_is_missed() -> None:
    """What was searched for last is not what the dialogue books."""
    talk = dialogue(user(), system(**TRIP), user("book the 13th"), system(method="ReserveFlight", **LATER))
    seen = judge(talk, [searched(**TRIP), said("Held.")])
    assert (seen.joint, seen.joint_bookings) == (1, 0)


def test_each_message_is_judged_with_what_became_of_it() -> None:
    """Fewer replies than messages are a mistake of the caller, not a worse figure."""
    with pytest.raises(ValueError, match="shorter"):
        judge(ASKED, [said("When?")])


DAYS = st.integers(1, 300).map(lambda days: (date(2019, 3, 1) + timedelta(days)).isoformat())
CITIES = st.sampled_from(["Oslo", "Rome", "NYC", "Boston", "Tokyo", "Nairobi"])
SEARCHES = st.fixed_dictionaries(
    {"origin": CITIES, "destination": CITIES, "departure_date": DAYS},
    optional={
        "return_date": DAYS,
        "passengers": st.integers(1, 9).map(str),
        "cabin": st.sampled_from(["economy", "business"]),
        "airline": st.sampled_from(["Delta Airlines", "dontcare"]),
    },
)


@given(st.lists(SEARCHES, min_size=1, max_size=5))
def test_who_searches_the_same_scores_all(searches: list[dict[str, str]]) -> None:
    """Whatever a dialogue looked up, one whose searches are the same has every figure at its best."""
    talk = dialogue(*[turn for search in searches for turn in (user(), system(**search))])
    seen = judge(talk, [searched(**search) for search in searches])
    assert (seen.joint, seen.asks, seen.wrong_rate, seen.calls) == (1, 1, 0, len(searches))
    assert all(seen.recall(slot) == seen.precision(slot) == 1 for slot in seen.named)
    assert seen.confusions == []


@given(st.lists(st.tuples(SEARCHES, st.none() | SEARCHES), min_size=1, max_size=5))
def test_no_figure_leaves_its_range(pairs: list[tuple[dict[str, str], dict[str, str] | None]]) -> None:
    """Whatever was searched for, each figure is a part of something, and hits are of what both name."""
    talk = dialogue(*[turn for wanted, _ in pairs for turn in (user(), system(**wanted))])
    seen = judge(talk, [searched(**ours) if ours else said("Hm.") for _, ours in pairs])
    figures = [seen.joint, seen.wrong_rate, *map(seen.recall, seen.named), *map(seen.precision, seen.named)]
    assert all(0 <= figure <= 1 for figure in figures)
    assert all(seen.hits[slot] <= min(seen.named[slot], seen.given[slot]) for slot in seen.named)


def test_nothing_is_wrong_where_nothing_was_played() -> None:
    """A part of nothing is at its best: it misses no goal."""
    nothing = Tally()
    assert (nothing.joint, nothing.joint_bookings, nothing.asks, nothing.wrong_rate) == (1, 1, 1, 0)
    assert (nothing.recall("origin"), nothing.precision("origin")) == (1, 1)
