"""The figures of several dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from evals.score import Confusion, Played, Tally, judge, tally
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.evals.conftest import TRIP, dialogue, said, searched, system, user

ASKED = dialogue(user("to Rome"), system("Where from, and when?"), user("Oslo, the 12th"), system(**TRIP))
RIGHT = (said("When?"), searched(**TRIP))
ELSEWHERE = (said("When?"), searched(**{**TRIP, "origin": "Bergen"}))
NOTHING = (said("When?"), said("Which day?"))
AT_ONCE = (searched(destination="Rome"), searched(**TRIP))
OUTCOMES = st.sampled_from([RIGHT, ELSEWHERE, NOTHING, AT_ONCE])


def _total(*played: Sequence[Played]) -> Tally:
    return tally([(ASKED, each) for each in played])


def test_no_dialogues_are_nothing() -> None:
    """The sum of none is an empty tally."""
    assert tally([]) == Tally()


def test_dialogues_add_up() -> None:
    """Every count of several is the sum of theirs."""
    total = _total(RIGHT, ELSEWHERE, NOTHING, AT_ONCE)
    assert (total.dialogues, total.calls, total.right) == (4, 4, 2)
    assert (total.to_ask, total.did_ask) == (4, 3)
    assert (total.searches, total.wrong) == (4, 1)


def test_the_joint_accuracy_is_of_all_calls() -> None:
    """A dialogue with more calls counts for more: it is no mean of the dialogues' own."""
    long = dialogue(*[turn for _ in range(3) for turn in (user(), system(**TRIP))])
    assert tally([(long, [said("Hm.")] * 3), (ASKED, RIGHT)]).joint == 1 / 4


def test_recall_and_precision_are_of_all_calls() -> None:
    """Recall is of what the dialogues name, precision of what ours name, slot by slot."""
    total = _total(RIGHT, ELSEWHERE, NOTHING)
    assert (total.recall("origin"), total.precision("origin")) == (1 / 3, 1 / 2)
    assert (total.recall("destination"), total.precision("destination")) == (2 / 3, 1)
    assert total.recall("origin", "destination") == 1 / 2


def test_cases_keep_their_order() -> None:
    """They are listed as the dialogues were, each with the number of its own."""
    first, second = ASKED.model_copy(update={"id": "first"}), ASKED.model_copy(update={"id": "second"})
    cases: list[Confusion] = tally([(first, NOTHING), (second, NOTHING)]).confusions
    assert [case.dialogue for case in cases] == ["first", "second"]


@given(st.lists(st.lists(OUTCOMES, max_size=4), max_size=4))
def test_sums_of_groups_are_the_sum_of_all(groups: list[list[tuple[Played, Played]]]) -> None:
    """How dialogues are grouped, as by their service, changes no figure of all of them."""
    total = Tally()
    for group in groups:
        total.add(_total(*group))
    assert total == _total(*chain.from_iterable(groups))


def test_adding_leaves_the_other_as_it_was() -> None:
    """What is added to a sum later does not reach what it was made of."""
    one, total = judge(ASKED, ELSEWHERE), Tally()
    total.add(one)
    total.add(judge(ASKED, ELSEWHERE))
    assert one == judge(ASKED, ELSEWHERE)
