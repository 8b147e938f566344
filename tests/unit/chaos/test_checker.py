"""The fault run's checker: a clean run has no violation, and each seeded one is found and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from chaos.checker import check, lost_by_broker, shown
from chaos.evidence import Asked, Away, Calm, Evidence, Sent, StoredMessage, StoredSession, StoredTurn, fingerprint

USER, OTHER, SESSION = "u00001", "u00002", "s1"
FIRST, SECOND, THIRD = (f"m00001-0{number}-{USER}" for number in range(3))
Spoil = Callable[[Evidence], Evidence]


def _messages(marker: str) -> tuple[StoredMessage, ...]:
    return (
        StoredMessage("user", f"{marker} find flights"),
        StoredMessage("assistant", "", calls=(f"call-{marker}",)),
        StoredMessage("tool", "{}", answers=f"call-{marker}"),
        StoredMessage("assistant", f"answer to {marker}"),
    )


def _sent(marker: str, at: float) -> Sent:
    return Sent(
        marker=marker,
        text=f"{marker} find flights",
        user=USER,
        session=SESSION,
        door="start",
        key=f"key-{marker}",
        first_sent=at,
        verdict="accepted",
        accepted_at=at + 0.1,
        ordered_at=at + 0.1,
        turn_ids={f"turn-{marker}"},
        replies={f"answer to {marker}"},
        settled=True,
    )


def _turn(marker: str, at: float) -> StoredTurn:
    return StoredTurn(f"turn-{marker}", SESSION, USER, "answered", at, at + 1, _messages(marker))


def _asked(marker: str, at: float, *before: str) -> Asked:
    said = [message for each in before for message in _messages(each)]
    prints = tuple(fingerprint(m.role, m.content, m.calls, m.answers) for m in said)
    texts = tuple((m.role, m.content) for m in said)
    return Asked(at, marker, prints, frozenset({USER}), texts)


def _clean() -> Evidence:
    """Three messages of one session, one after the other, at 0, 10 and 20 s; everything was back at 20.5 s."""
    turns = [_turn(FIRST, 0), _turn(SECOND, 10), _turn(THIRD, 20)]
    ids = tuple(turn.id for turn in turns)
    return Evidence(
        sent=[_sent(FIRST, 0), _sent(SECOND, 10), _sent(THIRD, 20)],
        sessions={SESSION: StoredSession(SESSION, USER, ids, inline=tuple(turns))},
        turns={turn.id: turn for turn in turns},
        asked=[_asked(FIRST, 0.5), _asked(SECOND, 10.5, FIRST), _asked(THIRD, 20.5, FIRST, SECOND)],
        calms=[Calm(20.5, 90)],
        repeated_from=100,
    )


def _with_turns(evidence: Evidence, *turns: StoredTurn, session: StoredSession | None = None) -> Evidence:
    """The evidence with these turns in the session and as records."""
    old = session or evidence.sessions[SESSION]
    new = replace(old, turn_ids=tuple(turn.id for turn in turns), inline=turns)
    return replace(evidence, sessions={SESSION: new}, turns={turn.id: turn for turn in turns})


def _all(evidence: Evidence) -> list[StoredTurn]:
    return list(evidence.turns.values())


def _lost(evidence: Evidence) -> Evidence:
    return _with_turns(evidence, *_all(evidence)[:2])


def _doubled(evidence: Evidence) -> Evidence:
    return _with_turns(evidence, *_all(evidence), replace(_turn(THIRD, 21), id="turn-again"))


def _waiting(evidence: Evidence) -> Evidence:
    return replace(evidence, sessions={SESSION: replace(evidence.sessions[SESSION], waiting=("turn-x",))})


def _without_record(evidence: Evidence) -> Evidence:
    return replace(evidence, turns={turn.id: turn for turn in _all(evidence)[1:]})


def _in_two_versions(evidence: Evidence) -> Evidence:
    other = replace(_turn(FIRST, 0), outcome="interrupted")
    return replace(evidence, turns={**evidence.turns, other.id: other})


def _in_no_session(evidence: Evidence) -> Evidence:
    stray = replace(_turn(FIRST, 0), id="turn-stray")
    return replace(evidence, turns={**evidence.turns, stray.id: stray})


def _never_sent(evidence: Evidence) -> Evidence:
    return replace(evidence, sent=evidence.sent[:2])


def _refused_and_stored(evidence: Evidence) -> Evidence:
    refused = replace(evidence.sent[2], verdict="refused", accepted_at=None, ordered_at=None)
    return replace(evidence, sent=[*evidence.sent[:2], refused])


def _not_cancelled(evidence: Evidence) -> Evidence:
    return replace(evidence, sent=[*evidence.sent[:2], replace(evidence.sent[2], cancelled=True)])


def _third_has(*messages: StoredMessage) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        return _with_turns(evidence, *_all(evidence)[:2], replace(_turn(THIRD, 20), messages=messages))

    return spoil


def _blind_prompt(evidence: Evidence) -> Evidence:
    return replace(evidence, asked=[*evidence.asked[:2], _asked(THIRD, 20.5, SECOND)])


def _out_of_order(evidence: Evidence) -> Evidence:
    first, second, third = _all(evidence)
    swapped = _with_turns(evidence, second, first, third)
    asked = [_asked(SECOND, 0.5), _asked(FIRST, 10.5, SECOND), _asked(THIRD, 20.5, SECOND, FIRST)]
    return replace(swapped, asked=asked)


def _told(**told: set[str]) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        changed = Sent(**{**vars(evidence.sent[2]), **told})
        return replace(evidence, sent=[*evidence.sent[:2], changed])

    return spoil


def _asked_again(at: float) -> Spoil:
    def spoil(evidence: Evidence) -> Evidence:
        return replace(evidence, asked=[*evidence.asked, _asked(THIRD, at, FIRST, SECOND)])

    return spoil


def _slow(evidence: Evidence) -> Evidence:
    return _with_turns(evidence, *_all(evidence)[:2], replace(_turn(THIRD, 20), completed_at=51))


def _foreign_prompt(evidence: Evidence) -> Evidence:
    asked = replace(evidence.asked[2], users=frozenset({USER, OTHER}))
    return replace(evidence, asked=[*evidence.asked[:2], asked])


def _foreign_turn(evidence: Evidence) -> Evidence:
    return _with_turns(evidence, *_all(evidence)[:2], replace(_turn(THIRD, 20), user=OTHER))


APOLOGY = "I am sorry, something went wrong."


def _third_is(outcome: str, **sent: object) -> Spoil:
    """The third turn ended so, and its client did this."""

    def spoil(evidence: Evidence) -> Evidence:
        messages = (*_messages(THIRD)[:1], StoredMessage("assistant", APOLOGY))
        turn = replace(_turn(THIRD, 20), outcome=outcome, messages=messages)
        changed = Sent(**{**vars(evidence.sent[2]), "replies": {APOLOGY}, **sent})
        return replace(_with_turns(evidence, *_all(evidence)[:2], turn), sent=[*evidence.sent[:2], changed])

    return spoil


def _third_meets(fault: str, *, till: float = 22) -> Spoil:
    """The third turn failed at ``till``, after the model had done this to each of its requests."""

    def spoil(evidence: Evidence) -> Evidence:
        failed = _third_is("failed")(evidence)
        turns = [*_all(failed)[:2], replace(_all(failed)[2], completed_at=till)]
        asked = [*evidence.asked[:2], replace(evidence.asked[2], fault=fault)]
        return replace(_with_turns(failed, *turns), asked=asked, calms=())

    return spoil


def _second_was(outcome: str, *shown: StoredMessage) -> Spoil:
    """The second turn ended so, and the third's prompt holds this of it."""

    def spoil(evidence: Evidence) -> Evidence:
        first, second, third = _all(evidence)
        messages = (*_messages(SECOND)[:1], StoredMessage("assistant", APOLOGY))
        sent = [evidence.sent[0], replace(evidence.sent[1], replies={APOLOGY}, cancelled=outcome == "cancelled")]
        asked = _asked_with(THIRD, 20.5, *_messages(FIRST), *shown)
        changed = _with_turns(evidence, first, replace(second, outcome=outcome, messages=messages), third)
        refused = replace(evidence.asked[1], fault="400" if outcome == "failed" else "")
        interrupter = replace(evidence.sent[2], interrupts=True, first_sent=10.5)
        return replace(changed, sent=[*sent, interrupter], asked=[evidence.asked[0], refused, asked])

    return spoil


def _asked_with(marker: str, at: float, *said: StoredMessage) -> Asked:
    prints = tuple(fingerprint(m.role, m.content, m.calls, m.answers) for m in said)
    return Asked(at, marker, prints, frozenset({USER}), tuple((m.role, m.content) for m in said))


def _leak(evidence: Evidence) -> Evidence:
    return replace(evidence, leaks=[f"{OTHER} got 200"])


SPOILED: list[tuple[str, str, Spoil]] = [
    ("V1", "has no turn", _lost),
    ("V1", "has 2 turns", _doubled),
    ("V1", "still waits", _waiting),
    ("V1", "has no record", _without_record),
    ("V1", "two versions", _in_two_versions),
    ("V1", "stands in no session", _in_no_session),
    ("V1", "nobody sent", _never_sent),
    ("V1", "was refused", _refused_and_stored),
    ("V1", "told that it is cancelled", _not_cancelled),
    ("V1", "nobody cancelled it", _third_is("cancelled")),
    ("V1", "nobody interrupted it", _third_is("interrupted")),
    ("V1", "failed without a lasting refusal", _third_is("failed")),
    ("V1", "failed without a lasting refusal", _third_meets("500")),
    ("V1", "failed without a lasting refusal", _third_meets("outage refused", till=800)),
    ("V2", "does not end with a reply", _third_has(*_messages(THIRD)[:3])),
    ("V2", "call without its result", _third_has(*_messages(THIRD)[:2], _messages(THIRD)[3])),
    ("V2", "result of no call", _third_has(_messages(THIRD)[0], *_messages(THIRD)[2:])),
    ("V2", "second message of role user", _third_has(*_messages(THIRD)[:1] * 2, _messages(THIRD)[3])),
    ("V3", "its prompt is not", _blind_prompt),
    ("V3", "accepted before it", _out_of_order),
    ("V4", "several turns", _told(turn_ids={f"turn-{THIRD}", "turn-other"})),
    ("V4", "its client was told of", _told(turn_ids={"turn-other"})),
    ("V4", "reply that is not stored", _told(replies={f"answer to {THIRD}", "another answer"})),
    ("V4", "the model was asked", _asked_again(32)),
    ("V4", "the model was asked", lambda evidence: replace(_asked_again(26)(evidence), repeated_from=25)),
    ("V5", "after all was back", _slow),
    ("V5", "still open when the silence", lambda evidence: replace(evidence, stuck=["turn-x"])),
    ("V6", f"something of {OTHER}", _foreign_prompt),
    ("V6", f"is stored as {OTHER}", _foreign_turn),
    ("V6", "got 200", _leak),
    ("V6", f"something of {OTHER}", _told(replies={f"answer to {THIRD}", f"hello {OTHER}"})),
    ("V7", "which is failed", _second_was("failed", _messages(SECOND)[0])),
    ("V7", "which is cancelled", _second_was("cancelled", _messages(SECOND)[0])),
    ("V7", "which is interrupted", _second_was("interrupted", StoredMessage("assistant", f"answer to {SECOND}"))),
    ("V7", "the service's own words", _second_was("failed", StoredMessage("assistant", f"Yes. {APOLOGY}"))),
    ("V3", "its prompt is not", _second_was("interrupted")),
    ("faults", "did not happen", lambda evidence: replace(evidence, missed=["kill of app"])),
    ("doors", "500", lambda evidence: replace(evidence, odd_answers=["start: 500"])),
]


def test_a_clean_run_has_no_violation() -> None:
    """Nothing is found where nothing is wrong."""
    assert check(_clean()) == []


@pytest.mark.parametrize(("rule", "words", "spoil"), SPOILED, ids=[f"{r} {w}" for r, w, _ in SPOILED])
def test_a_seeded_violation_is_found(rule: str, words: str, spoil: Spoil) -> None:
    """Each way to break a rule is reported under that rule, in words that say what is wrong."""
    found = check(spoil(_clean()))
    assert [violation for violation in found if violation.rule == rule and words in str(violation)], found


def test_a_message_without_an_answer_may_have_a_turn_or_none_but_not_two() -> None:
    """What its client does not know to be accepted may be lost; it must not be doubled."""
    sent = [
        *_clean().sent[:2],
        replace(_sent(THIRD, 20), verdict="open", accepted_at=None, turn_ids=set(), replies=set()),
    ]
    assert check(replace(_clean(), sent=sent)) == []
    without = replace(_lost(_clean()), sent=sent, asked=_clean().asked[:2])
    assert check(without) == []
    assert [violation.rule for violation in check(replace(_doubled(_clean()), sent=sent))] == ["V1"]


def test_only_a_broker_without_a_store_may_lose_a_published_message() -> None:
    """There it is counted; over a broker that stores, and at any other door, it is a violation."""
    published = [*_clean().sent[:2], replace(_sent(THIRD, 20), door="topic", turn_ids=set(), replies=set())]
    lost = replace(_lost(_clean()), sent=published)
    assert [violation.rule for violation in check(lost)] == ["V1"]
    assert check(replace(lost, lossy_broker=True)) == []
    assert [sent.marker for sent in lost_by_broker(replace(lost, lossy_broker=True))] == [THIRD]
    assert lost_by_broker(replace(_clean(), lossy_broker=True)) == []


RIGHT: list[tuple[str, Spoil]] = [
    ("cancelled by its client", _third_is("cancelled", cancelled=True)),
    ("cancelled by a request whose answer was lost", _third_is("cancelled", cancel_asked=True)),
    ("failed after a refusal for good", _third_meets("401")),
    ("failed for want of quota", _third_meets("429 quota")),
    ("failed after the patience", _third_meets("outage 500", till=921)),
    ("a failed turn is not shown", _second_was("failed")),
    ("a cancelled turn is not shown", _second_was("cancelled")),
    ("of an interrupted turn the user's words are shown", _second_was("interrupted", _messages(SECOND)[0])),
]


@pytest.mark.parametrize(("change"), [c for _, c in RIGHT], ids=[name for name, _ in RIGHT])
def test_what_is_right_is_no_violation(change: Spoil) -> None:
    """An outcome that somebody else has a hand in, and a prompt without it, are as they should be."""
    assert check(change(_clean())) == []


def test_an_outage_that_left_no_request_in_the_log_counts_as_patience_used_up() -> None:
    """A model that refuses connections logs nothing; that it was away for so long is an excuse, shorter is none."""
    failed = replace(_third_meets("", till=921)(_clean()), asked=_clean().asked[:2])
    assert check(replace(failed, aways=[Away(20, 930)])) == []
    assert [violation.rule for violation in check(replace(failed, aways=[Away(100, 930)]))] == ["V1"]


def test_neighbours_of_one_role_are_one_message_in_a_prompt() -> None:
    """Two users' messages in a row, and two replies, are joined by an empty line; calls stay apart."""
    interrupted = replace(_turn(FIRST, 0), outcome="interrupted")
    notice = replace(_turn(THIRD, 20), messages=(StoredMessage("assistant", "a notice"),))
    found = shown([interrupted, _turn(SECOND, 10), notice])
    assert [message.role for message in found] == ["user", "assistant", "tool", "assistant"]
    assert found[0].content == f"{FIRST} find flights\n\n{SECOND} find flights"
    assert found[-1].content == f"answer to {SECOND}\n\na notice"


def test_a_refused_request_may_be_tried_with_fewer_old_turns() -> None:
    """After a refusal for good the next try may leave out the oldest turns; without one it may not."""
    again = _asked(THIRD, 20.7, SECOND)
    refused = replace(_clean().asked[2], fault="400")
    assert check(replace(_clean(), asked=[*_clean().asked[:2], refused, again])) == []
    assert [v.rule for v in check(replace(_clean(), asked=[*_clean().asked, again]))] == ["V3"]


def test_a_turn_that_waited_for_the_model_counts_from_when_it_was_back() -> None:
    """V5 gives such a turn 35 s from the model's last failure, which may be more than 30 s from the calm's start."""
    slow = _slow(_clean())
    assert [v.rule for v in check(replace(slow, aways=[Away(19, 20.4)]))] == []
    late = _with_turns(slow, *_all(slow)[:2], replace(_all(slow)[2], completed_at=57))
    assert [v.rule for v in check(replace(late, aways=[Away(19, 20.4)]))] == ["V5"]


def test_a_turn_is_given_time_for_those_before_it_and_judged_only_in_a_calm() -> None:
    """V5 allows a second for each turn of the session that came first, and says nothing of what a new fault cut off."""
    slow = _slow(_clean())
    assert check(replace(slow, calms=[Calm(20.5, 50)])) == []
    first, second, third = _all(slow)
    behind = _with_turns(slow, first, replace(second, completed_at=25), third)
    assert [violation for violation in check(behind) if violation.rule == "V5"] == []
