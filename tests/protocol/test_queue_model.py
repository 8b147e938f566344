"""The model of the session protocol, checked in every state that it can reach."""

from __future__ import annotations

import sys

import pytest
from tests.protocol.queue_model import QUIET, Budget, Policy, Protocol, State

MOST_RUNS = 4
"""A turn that needs more instances than this, with so few accidents, is replaced for ever."""


def explore(protocol: Protocol, most: int = 2_000_000) -> tuple[int, dict[str, list[str]]]:
    """The number of states, and each kind of violation with the steps that lead to it."""
    start = protocol.start
    came: dict[State, tuple[State | None, str]] = {start: (None, "")}
    stack, found = [start], dict[str, list[str]]()
    while stack:
        state = stack.pop()
        goes_on = False
        for name, after in protocol.reached(state):
            goes_on = goes_on or name not in QUIET
            if after not in came:
                came[after] = (state, name)
                stack.append(after)
        for violation in wrong(state, goes_on=goes_on):
            found.setdefault(violation, _path(came, state))
        assert len(came) < most, "the model has become too large to be checked whole"
    return len(came), found


def wrong(state: State, *, goes_on: bool) -> list[str]:  # noqa: C901  one branch for each promise
    """What may not be, in any state or in one in which nothing goes on by itself."""
    turns = [turn for turn, _ in state.outcomes]
    found = []
    if len(set(turns)) < len(turns):
        found.append("a turn has two outcomes")
    if any(state.waits(turn) for turn in turns):
        found.append("a turn that is done stands in the lane")
    if any(run > MOST_RUNS for _, run in state.lane):
        found.append("a turn is replaced for ever")
    for turn, outcome in state.outcomes:
        if outcome == "cancelled" and turn not in state.ended_outside:
            found.append("cancelled, and nobody ended it")
        if state.doors[turn].at == "refused":
            found.append("refused, and it has an outcome")
    if goes_on:
        return found
    if state.lane:
        found.append("a turn waits for ever")
    for turn, door in enumerate(state.doors):
        if door.at == "answered" and state.outcome(turn) is None:
            found.append("accepted, and it has no outcome")
    return found


def _path(came: dict[State, tuple[State | None, str]], state: State) -> list[str]:
    steps = []
    at: State | None = state
    while at is not None:
        at, name = came[at]
        steps.append(name)
    return steps[-2::-1]


POLICIES: tuple[tuple[Policy, ...], ...] = (("enqueue", "enqueue"), ("enqueue", "interrupt"), ("enqueue", "reject"))
BUDGETS = (Budget(deaths=2, lost_wakes=1), Budget(losses=1), Budget(mistakes=1))
DEEP = (
    *(Budget(deaths=1, seconds=1, ends=1), Budget(losses=1, deaths=1, lost_wakes=1), Budget(losses=1, ends=1)),
    *(Budget(losses=2), Budget(mistakes=1, losses=1), Budget(mistakes=1, deaths=1)),
)
"""Minutes each: `python -m tests.protocol.test_queue_model`, a part of `make verify`."""


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
@pytest.mark.parametrize("policies", POLICIES, ids="-".join)
def test_two_messages_keep_every_promise(policies: tuple[Policy, ...], budget: Budget) -> None:
    """In every state: one outcome each, none cancelled but from outside; at rest: nobody waits, each has an outcome."""
    states, found = explore(Protocol(policies, budget))
    assert not found, found
    assert states > 100


def test_three_messages_wait_in_turn() -> None:
    """Three in one queue, and the process dies between a commit and its wake-up."""
    states, found = explore(Protocol(("enqueue",) * 3, Budget(lost_wakes=1)))
    assert not found, found
    assert states > 1_000


@pytest.mark.parametrize("budget", [Budget(losses=1), Budget(ends=1)], ids=str)
def test_without_a_reconciler_a_lost_instance_is_seen(budget: Budget) -> None:
    """The check is able to fail: nobody looks, and a turn waits for ever."""
    _, found = explore(Protocol(("enqueue", "enqueue"), budget, reconciles=False))
    assert "a turn waits for ever" in found


def main() -> int:
    """Check the deep budgets; 1 when a promise is broken."""
    broken = False
    for policies in POLICIES:
        for budget in DEEP:
            states, found = explore(Protocol(policies, budget), most=5_000_000)
            print(f"{'-'.join(policies)} {budget}: {states} states, {found or 'no violation'}", flush=True)
            broken = broken or bool(found)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
