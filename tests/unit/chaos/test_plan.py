"""What is going to happen in a fault run: the same for a seed, and all of what it has to hold."""

from __future__ import annotations

from itertools import islice
from typing import get_args

import pytest
from chaos.evidence import MARKER, USER
from chaos.plan import IN_A_BURST, Note, burst, scripts
from chaos.schedule import AT_ONCE, CALM, PARTS, Kind, Topology, schedule

TOPOLOGIES: list[Topology] = ["redis", "embedded-2", "embedded"]


def _notes(seed: int, sessions: int) -> list[Note]:
    return [note for script in islice(scripts(seed), sessions) for note in script.notes]


def test_a_seed_replays_the_clients_plan() -> None:
    """The same seed gives the same sessions, another one others."""
    assert _notes(1, 50) == _notes(1, 50) != _notes(2, 50)


def test_every_door_and_habit_is_in_the_plan() -> None:
    """Each door, each policy, repeats, cancellations, cut streams and intruders come up within a hundred sessions."""
    notes = _notes(1, 100)
    assert {note.door for note in notes} == {"start", "chat", "stream", "topic"}
    assert {note.if_busy for note in notes} == {"enqueue", "reject", "interrupt"}
    assert {note.wait for note in notes} == {True, False}
    assert any(note.again for note in notes if note.door == "topic")
    assert any(note.again for note in notes if note.door != "topic")
    assert any(note.cancel for note in notes)
    assert any(note.cut for note in notes)
    assert any(script.intruder for script in islice(scripts(1), 100))
    assert {script.writers for script in islice(scripts(1), 100)} == {1, 2, 3}
    assert any(len(script.notes) > 10 for script in islice(scripts(1), 100))


def test_a_message_is_known_by_its_first_word() -> None:
    """Each message's marker is unlike any other, stands first in its text, and names its user."""
    plays = [*islice(scripts(3), 200), burst(0), burst(1)]
    markers = [note.marker for script in plays for note in script.notes]
    assert len(set(markers)) == len(markers)
    for script in plays:
        assert script.intruder != script.user
        for note in script.notes:
            found = MARKER.match(note.text)
            assert found is not None
            assert found[0] == note.marker
            assert USER.findall(note.marker) == [script.user]
    assert len(burst(0).notes) == IN_A_BURST


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_seed_replays_the_faults(topology: Topology) -> None:
    """The same seed gives the same schedule, another one another."""
    assert schedule(1, 10, topology) == schedule(1, 10, topology) != schedule(2, 10, topology)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("seed", range(5))
def test_ten_minutes_hold_sixty_kills_and_spare_nobody(seed: int, topology: Topology) -> None:
    """Every part is killed and paused, the model is away and lanes are filled, within the minutes asked for."""
    rounds = schedule(seed, 10, topology)
    faults = [fault for each in rounds for fault in each.faults]
    kills = [fault.target for fault in faults if fault.kind == "kill"]
    assert len(kills) >= 65
    assert set(kills) == set(PARTS[topology])
    assert {fault.kind for fault in faults} == set(get_args(Kind))
    assert [fault.seconds for fault in faults if fault.kind == "away"] == [pytest.approx(120)]
    assert sum(fault.kind == "burst" for fault in faults) >= 45
    assert sum(fault.kind == "scheduler data" for fault in faults) == len(rounds)
    assert sum(each.seconds for each in rounds) + CALM * (len(rounds) - 1) == pytest.approx(600)


@pytest.mark.parametrize("seed", range(5))
def test_one_minute_holds_every_fault(seed: int) -> None:
    """A short run leaves nothing out: each kind comes up, and the model is away for 12 s in one piece."""
    (only,) = schedule(seed, 1, "embedded")
    assert {fault.kind for fault in only.faults} == set(get_args(Kind))
    assert [fault.seconds for fault in only.faults if fault.kind == "away"] == [pytest.approx(12)]
    assert only.seconds == 60


@pytest.mark.parametrize("minutes", [1, 1.5, 3, 10])
def test_a_round_ends_with_several_kills_and_nothing_else(minutes: float) -> None:
    """A round's faults come in order of time, the last are several kills at once, and no pause reaches beyond."""
    for each in schedule(7, minutes, "redis"):
        times = [fault.at for fault in each.faults]
        assert times == sorted(times)
        late = [fault for fault in each.faults if fault.at > each.seconds - 1]
        assert [fault.kind for fault in late] == ["kill"] * AT_ONCE
        assert len({fault.target for fault in late}) == AT_ONCE
        assert all(
            f.at + f.seconds < each.seconds for f in each.faults if f.kind in {"pause", "outage", "away", "busy"}
        )
