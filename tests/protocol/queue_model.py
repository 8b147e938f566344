"""The session protocol as a model small enough to be checked in every reachable state.

It says what `turns.accept`, `lanes.stand`, `lanes.commit`, `keeping.replace` and the reconciler do, one access to the
store or the engine at a time, and what may happen to them between any two such accesses:

- the accepting process dies; an execution of an activity dies; a second execution of it starts beside the first;
- a wake-up is lost; the process dies between the commit and the wake-up;
- somebody terminates an instance through Dapr; the engine loses one (purged), cannot read it any more, or never runs
  it again although it says that it runs;
- the reconciler takes an instance for lost that is not.

Change this model first when the protocol is to change.

State, all of it immutable: ``lane`` and ``outcomes`` are the session record, replaced only as it was read. For each
turn: its door, and the run that the lane names (0, or that of a successor). For each instance (turn, run): the engine's
view of it, its executions, and whether it was woken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

Policy = Literal["enqueue", "reject", "interrupt"]
Life = Literal["active", "waiting", "ended", "terminated", "stuck", "lost"]
"""An instance: has an activity to run; waits in ``await_turn``; is over; was terminated; is never run again although
the engine calls it running; is purged or cannot be read, so nothing can be done with it."""
ASLEEP: frozenset[Life] = frozenset({"stuck", "lost"})


class Door(NamedTuple):
    """Where accepting a message has come to: schedule, read, write, answered, refused, dead."""

    at: Literal["schedule", "read", "write", "answered", "refused", "dead"]
    seen: object = None


class Run(NamedTuple):
    """One execution of ``call_model``: it reads, then commits what it read under, then wakes the next."""

    at: Literal["read", "commit", "wake"]
    seen: object = None


class Instance(NamedTuple):
    """A workflow instance of one turn."""

    life: Life
    runs: tuple[Run, ...] = ()
    woken: bool = False


@dataclass(frozen=True)
class Budget:
    """Accidents that may still happen."""

    deaths: int = 0
    seconds: int = 0
    ends: int = 0
    losses: int = 0
    lost_wakes: int = 0
    mistakes: int = 0


@dataclass(frozen=True)
class State:
    """The whole world."""

    doors: tuple[Door, ...]
    lane: tuple[tuple[int, int], ...] = ()
    """Turns that wait, oldest first, each with the run of its present instance."""
    outcomes: tuple[tuple[int, str], ...] = ()
    instances: tuple[tuple[tuple[int, int], Instance], ...] = ()
    ended_outside: frozenset[int] = frozenset()
    budget: Budget = field(default_factory=Budget)

    @property
    def record(self) -> object:
        """The session record; no two of its versions are alike, so it stands for its ETag."""
        return self.lane, self.outcomes

    def instance(self, key: tuple[int, int]) -> Instance | None:
        """The engine's instance of this turn and run."""
        return dict(self.instances).get(key)

    def outcome(self, turn: int) -> str | None:
        """What became of the turn."""
        return dict(self.outcomes).get(turn)

    def waits(self, turn: int) -> bool:
        """Whether the turn stands in the lane."""
        return any(each == turn for each, _ in self.lane)


Step = tuple[str, State]
QUIET = frozenset(
    {"door dies", "execution dies", "second execution", "terminated", "lost", "wake-up lost", "mistaken look"}
)
"""Steps that nobody can count on."""


class Protocol:
    """The steps of so many messages, each with its policy."""

    def __init__(self, policies: tuple[Policy, ...], budget: Budget, *, reconciles: bool = True) -> None:
        """Without ``reconciles`` nobody looks after instances: to show that the check would see it."""
        self.policies = policies
        self.budget = budget
        self.reconciles = reconciles

    @property
    def start(self) -> State:
        """Every message is at its door."""
        return State(tuple(Door("schedule") for _ in self.policies), budget=self.budget)

    def steps(self, state: State) -> Iterator[Step]:
        """All that may happen next."""
        for turn in range(len(self.policies)):
            yield from self._door(state, turn)
        for key, instance in state.instances:
            yield from self._instance(state, key, instance)
        if self.reconciles:
            yield from self._look(state)

    def reached(self, state: State) -> Iterator[Step]:
        """The steps, to states without the instances that can neither do anything any more nor are looked at."""
        for name, after in self.steps(state):
            kept = tuple(
                (key, instance)
                for key, instance in after.instances
                if instance.runs or instance.life in {"active", "waiting"} or key in after.lane
            )
            yield name, replace(after, instances=kept)

    # the door: schedule the instance, then enter the lane under the guard, then answer

    def _door(self, state: State, turn: int) -> Iterator[Step]:  # noqa: C901  a branch for each step of the protocol
        door, policy = state.doors[turn], self.policies[turn]
        if door.at in {"answered", "refused", "dead"}:
            return
        if state.budget.deaths:
            yield "door dies", _spent(_door_at(state, turn, Door("dead")), "deaths")
        if door.at == "schedule":
            begun = _with(state, (turn, 0), Instance("active"))
            yield "scheduled", _door_at(begun, turn, Door("read"))
        elif door.at == "read":
            if state.waits(turn) or state.outcome(turn) is not None:
                yield "answered", _door_at(state, turn, Door("answered"))
            elif policy == "reject" and state.lane:
                refused = _with(state, (turn, 0), Instance("terminated"))
                yield "refused", _door_at(refused, turn, Door("refused"))
            else:
                yield "read", _door_at(state, turn, Door("write", state.record))
        elif door.seen != state.record:
            yield "lost the guard", _door_at(state, turn, Door("read"))
        elif policy == "interrupt" and state.lane:
            cut = tuple((each, "interrupted") for each, _ in state.lane)
            after = replace(state, lane=((turn, 0),), outcomes=(*state.outcomes, *cut))
            for each, run in state.lane:
                if (instance := after.instance((each, run))) is not None and instance.life not in ASLEEP:
                    after = _with(after, (each, run), instance._replace(life="terminated"))
            yield "interrupted", _door_at(after, turn, Door("read"))
        else:
            yield "entered", _door_at(replace(state, lane=(*state.lane, (turn, 0))), turn, Door("read"))

    # the instance: an activity that looks where the turn stands, and a wait

    def _instance(self, state: State, key: tuple[int, int], instance: Instance) -> Iterator[Step]:
        budget = state.budget
        if instance.life == "active" and not instance.runs:
            yield "executed", _with(state, key, instance._replace(runs=(Run("read"),)))
        if instance.life == "active" and len(instance.runs) == 1 and budget.seconds:
            second = _with(state, key, instance._replace(runs=(*instance.runs, Run("read"))))
            yield "second execution", _spent(second, "seconds")
        if instance.life == "waiting" and instance.woken:
            yield "woken", _with(state, key, Instance("active"))
        if instance.life == "waiting" and not instance.woken:
            yield "looked by itself", _with(state, key, Instance("active"))
        if instance.life in {"active", "waiting"}:
            if budget.ends:
                ended = replace(state, ended_outside=state.ended_outside | {key[0]})
                yield "terminated", _spent(_with(ended, key, instance._replace(life="terminated")), "ends")
            if budget.losses:
                for life in ("stuck", "lost"):
                    yield "lost", _spent(_with(state, key, instance._replace(life=life)), "losses")
        for place, run in enumerate(instance.runs):
            yield from self._run(state, key, instance, place, run)

    def _run(  # noqa: C901, PLR0912  as above
        self, state: State, key: tuple[int, int], instance: Instance, place: int, run: Run
    ) -> Iterator[Step]:
        turn = key[0]

        def on(after: State, then: Run | None, life: Life | None = None) -> State:
            """The world after this step of the execution; ``life`` is what the engine makes of its result."""
            now = after.instance(key) or instance
            runs = (*now.runs[:place], *([then] if then is not None else []), *now.runs[place + 1 :])
            heard = life if life is not None and now.life == "active" else now.life
            return _with(after, key, Instance(heard, () if heard != now.life else runs, now.woken))

        if state.budget.deaths:
            yield "execution dies", _spent(on(state, None), "deaths")
        if run.at == "read":
            if state.outcome(turn) is not None:
                yield "already done", on(state, Run("wake"))
            elif not state.waits(turn):
                if self.policies[turn] == "reject" and state.doors[turn].at in {"dead", "refused"}:
                    yield "withdrawn", on(state, None, "ended")
                elif self.policies[turn] == "reject":
                    yield "waits for its door", on(state, None, "waiting")
                else:
                    yield "entered by itself", on(replace(state, lane=(*state.lane, (turn, key[1]))), run)
            elif state.lane[0][0] == turn:
                yield "asks the model", on(state, Run("commit", state.record))
            else:
                yield "queued", on(state, None, "waiting")
        elif run.at == "commit":
            if run.seen != state.record:
                yield "lost the guard", on(state, Run("read"))
            else:
                lane = tuple(each for each in state.lane if each[0] != turn)
                done = replace(state, lane=lane, outcomes=(*state.outcomes, (turn, "answered")))
                yield "committed", on(done, Run("wake"))
        else:
            yield "woke the next", on(_head_woken(state), None, "ended")
            if state.budget.lost_wakes:
                yield "wake-up lost", _spent(on(state, None, "ended"), "lost_wakes")

    # the reconciler

    def _look(self, state: State) -> Iterator[Step]:
        """Wake a head that waits; record one that was terminated; give whatever is not run any more a successor."""
        for position, (turn, run) in enumerate(state.lane):
            instance = state.instance((turn, run))
            life: Life = instance.life if instance is not None else "lost"
            if position == 0 and life == "waiting" and instance is not None and not instance.woken:
                yield "reconciler wakes", _head_woken(state)
            if position == 0 and life == "terminated":
                done = replace(state, lane=state.lane[1:], outcomes=(*state.outcomes, (turn, "cancelled")))
                yield "recorded as cancelled", _head_woken(done)
            if life in ASLEEP or life == "ended":
                yield "taken over", _taken_over(state, position)
            elif life in {"active", "waiting"} and state.budget.mistakes:
                yield "mistaken look", _spent(_taken_over(state, position), "mistakes")


def _taken_over(state: State, position: int) -> State:
    """The record names a successor, which is started; the old instance is terminated where that is still possible."""
    turn, run = state.lane[position]
    lane = (*state.lane[:position], (turn, run + 1), *state.lane[position + 1 :])
    after = _with(replace(state, lane=lane), (turn, run + 1), Instance("active"))
    old = after.instance((turn, run))
    if old is not None and old.life in {"active", "waiting", "stuck"}:
        after = _with(after, (turn, run), old._replace(life="terminated"))
    return after


def _head_woken(state: State) -> State:
    if not state.lane:
        return state
    instance = state.instance(state.lane[0])
    if instance is None or instance.life != "waiting":
        return state
    return _with(state, state.lane[0], instance._replace(woken=True))


def _with(state: State, key: tuple[int, int], instance: Instance) -> State:
    return replace(state, instances=tuple(sorted({**dict(state.instances), key: instance}.items())))


def _door_at(state: State, turn: int, door: Door) -> State:
    return replace(state, doors=(*state.doors[:turn], door, *state.doors[turn + 1 :]))


def _spent(state: State, what: str) -> State:
    return replace(state, budget=replace(state.budget, **{what: getattr(state.budget, what) - 1}))
