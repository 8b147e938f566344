"""The rules V1 to V7 of the contract over the evidence of a run. Pure: evidence in, violations out.

V1 every accepted message ends in exactly one stored turn: none lost, none doubled; it is answered, unless somebody
   cancelled or interrupted it, or the model refused it for good or stayed away for longer than a turn waits
V2 a stored turn is whole and contiguous
V3 a session is serial: each prompt holds the turns before it, in the order of acceptance
V4 the same key is the same turn and the same reply, and costs no model call after the commit
V5 once every process is back, unfinished turns finish by themselves
V6 nobody sees anything of another user
V7 a turn that was not answered, and the service's own words about trouble, never come into a later prompt
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from chaos.evidence import (
    ANSWERED,
    LASTING,
    MARKER,
    USER,
    Asked,
    Evidence,
    Sent,
    StoredMessage,
    StoredSession,
    StoredTurn,
    Violation,
    fingerprint,
)

WINDOW = 10
"""The stored turns that a prompt is made from: the last ones."""
OUTCOMES = {"answered", "failed", "interrupted", "cancelled"}
LATE_CALL = 10.0
"""Seconds: an execution that looked before the commit may still be about to ask, held up by a pause or a slow store."""
AIM, FINISHES_WITHIN = 10.0, 30.0
"""Seconds in which unfinished turns should finish, and, since Dapr may have lost their workflows, must finish."""
MODEL_BACK_WITHIN = 35.0
"""Seconds in which a turn that waits for the model finds that it is back."""
HANGS = 5.0
"""Seconds for which a request that failed may have kept its turn busy."""
A_TURN_AHEAD = 1.0
"""Seconds that each turn of the same session may take which stood before it."""

Found = Iterator[Violation]


class Conversations:
    """The evidence, arranged by message and session."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        copies = {copy.id: copy for session in evidence.sessions.values() for copy in session.inline}
        self.turns: dict[str, StoredTurn] = {**evidence.turns, **copies}
        """What counts of each turn: the copy in its session, and its own record when there is none."""
        self.order: dict[str, list[StoredTurn]] = {
            name: [self.turns[turn_id] for turn_id in session.turn_ids if turn_id in self.turns]
            for name, session in evidence.sessions.items()
        }
        self._of: dict[tuple[str, str], list[StoredTurn]] = defaultdict(list)
        for name, turns in self.order.items():
            for turn in turns:
                self._of[name, _text(turn)].append(turn)
        self.asked: dict[str, list[Asked]] = defaultdict(list)
        for request in evidence.asked:
            self.asked[request.marker].append(request)

    def turns_of(self, sent: Sent) -> list[StoredTurn]:
        """The stored turns of a message; there should be one."""
        return self._of[sent.session, sent.text]

    def turn_of(self, sent: Sent) -> StoredTurn | None:
        """The message's turn, None unless there is exactly one."""
        turns = self.turns_of(sent)
        return turns[0] if len(turns) == 1 else None


def check(evidence: Evidence) -> list[Violation]:
    """Every violation of every rule."""
    all_of = Conversations(evidence)
    rules: tuple[Callable[[Conversations], Found], ...] = (
        *(_one_turn_each, _outcomes, _stored_whole, _whole, _prompts, _order),
        *(_same_key, _late_calls, _finished, _stuck, _apart, _untroubled, _answers, _missed),
    )
    return [violation for rule in rules for violation in rule(all_of)]


def lost_by_broker(evidence: Evidence) -> list[Sent]:
    """The published messages that a broker without a store has lost."""
    all_of = Conversations(evidence)
    return [sent for sent in evidence.sent if _may_be_lost(evidence, sent) and not all_of.turns_of(sent)]


def _may_be_lost(evidence: Evidence, sent: Sent) -> bool:
    return evidence.lossy_broker and sent.door == "topic" and sent.verdict == "accepted"


def _one_turn_each(all_of: Conversations) -> Found:
    """V1, seen from the messages."""
    for sent in all_of.evidence.sent:
        turns = all_of.turns_of(sent)
        if len(turns) > 1:
            yield Violation("V1", sent.marker, f"has {len(turns)} turns: {', '.join(turn.id for turn in turns)}")
        if not turns and sent.verdict == "accepted" and not _may_be_lost(all_of.evidence, sent):
            yield Violation("V1", sent.marker, f"was accepted by {sent.door} and has no turn in {sent.session}")
        if turns and sent.verdict == "refused":
            yield Violation("V1", sent.marker, "was refused and has a turn")
        for turn in turns:
            if turn.outcome not in OUTCOMES:
                yield Violation("V1", sent.marker, f"ended as {turn.outcome!r}")
            if sent.cancelled and turn.outcome != "cancelled":
                yield Violation("V1", sent.marker, f"was told that it is cancelled and is {turn.outcome}")


def _outcomes(all_of: Conversations) -> Found:
    """V1: no turn ends otherwise than answered without a reason that somebody else gave."""
    sessions: dict[str, list[Sent]] = defaultdict(list)
    for sent in all_of.evidence.sent:
        if sent.interrupts:
            sessions[sent.session].append(sent)
    for sent in all_of.evidence.sent:
        for turn in all_of.turns_of(sent):
            if turn.outcome == "cancelled" and not (sent.cancelled or sent.cancel_asked):
                yield Violation("V1", sent.marker, f"is cancelled, and nobody cancelled it ({turn.id})")
            if turn.outcome == "interrupted" and not any(
                other is not sent and other.first_sent <= turn.completed_at for other in sessions[sent.session]
            ):
                yield Violation("V1", sent.marker, f"is interrupted, and nobody interrupted it ({turn.id})")
            if turn.outcome == "failed" and not _excused(all_of, sent, turn):
                yield Violation("V1", sent.marker, f"failed without a lasting refusal: {_story(all_of, sent, turn)}")


def _excused(all_of: Conversations, sent: Sent, turn: StoredTurn) -> bool:
    """Whether the model's log shows a lasting refusal, or that it was away for longer than a turn waits."""
    asked = all_of.asked[sent.marker]
    if any(request.fault in LASTING for request in asked):
        return True
    good = max((request.at for request in asked if request.fault in ANSWERED), default=turn.created_at)
    troubles = [request.at for request in asked if request.fault not in ANSWERED and request.at >= good]
    troubles += [
        max(away.began, good) for away in all_of.evidence.aways if away.ended > good and away.began < turn.completed_at
    ]
    return bool(troubles) and turn.completed_at - min(troubles) >= all_of.evidence.patience


def _story(all_of: Conversations, sent: Sent, turn: StoredTurn) -> str:
    """What there is to know of a turn that failed."""
    asked = ", ".join(
        f"{request.at - turn.created_at:.1f} s {request.fault or 'answered'}" for request in all_of.asked[sent.marker]
    )
    took = turn.completed_at - turn.created_at
    return f"{turn.id}, {took:.1f} s, {turn.messages[-1].content[:60]!r}; the model: {asked or 'was not asked'}"


def _stored_whole(all_of: Conversations) -> Found:
    """V1, seen from the store: nothing waits, nothing dangles, nothing was made up."""
    evidence = all_of.evidence
    known = {(sent.session, sent.text) for sent in evidence.sent}
    listed = {turn_id for session in evidence.sessions.values() for turn_id in session.turn_ids}
    for session in evidence.sessions.values():
        yield from _session_whole(session, evidence)
        for turn in all_of.order[session.id]:
            if (session.id, _text(turn)) not in known:
                yield Violation("V1", turn.id, f"is a turn in {session.id} of a message that nobody sent")
    for turn_id in evidence.turns.keys() - listed:
        yield Violation("V1", turn_id, "has a record and stands in no session")


def _session_whole(session: StoredSession, evidence: Evidence) -> Found:
    if session.waiting:
        yield Violation("V1", session.id, f"still waits: {', '.join(session.waiting)}")
    if len(set(session.turn_ids)) < len(session.turn_ids):
        yield Violation("V1", session.id, "lists a turn twice")
    for turn_id in session.turn_ids:
        if turn_id not in evidence.turns:
            yield Violation("V1", turn_id, f"stands in {session.id} and has no record")
    for copy in session.inline:
        if copy.id in evidence.turns and evidence.turns[copy.id] != copy:
            yield Violation("V1", copy.id, f"is stored in two versions: the record, and the copy in {session.id}")


def _whole(all_of: Conversations) -> Found:
    """V2."""
    for turn in all_of.turns.values():
        if trouble := broken(turn.messages):
            yield Violation("V2", turn.id, trouble)


def broken(messages: tuple[StoredMessage, ...]) -> str:
    """What is wrong with a turn's messages: user first, each call followed by its result, the reply last.

    The agent's own message may stand alone: a notice.
    """
    if len(messages) == 1 and messages[0].role == "assistant" and not messages[0].calls:
        return ""
    if not messages or messages[0].role != "user":
        return "does not begin with the user's message"
    if len(messages) < 2 or messages[-1].role != "assistant" or messages[-1].calls:
        return "does not end with a reply"
    waiting: list[str] = []
    for message in messages[1:]:
        if message.role == "tool":
            if message.answers not in waiting:
                return f"has a result of no call: {message.answers}"
            waiting.remove(message.answers)
        elif message.role != "assistant":
            return f"has a second message of role {message.role}"
        elif waiting:
            return f"has a call without its result: {', '.join(waiting)}"
        waiting += message.calls
    return ""


def _prompts(all_of: Conversations) -> Found:
    """V3: what the model was shown before a message is what is stored before it, as far as the window goes."""
    for sent in all_of.evidence.sent:
        turn = all_of.turn_of(sent)
        if turn is None:
            continue
        turns = all_of.order[sent.session]
        place = turns.index(turn)
        earlier = turns[max(0, place - WINDOW) : place]
        expected = _prints(earlier)
        shorter = False
        for request in all_of.asked[sent.marker]:
            if request.before != expected and not (shorter and request.before in _shorter(earlier)):
                seen, wanted = len(request.before), len(expected)
                yield Violation("V3", sent.marker, f"its prompt is not the {wanted} messages before it ({seen} seen)")
                break
            shorter = shorter or request.fault in LASTING  # a refused request may be tried with fewer old turns


def _prints(turns: Sequence[StoredTurn]) -> tuple[str, ...]:
    return tuple(fingerprint(m.role, m.content, m.calls, m.answers) for m in shown(turns))


def _shorter(turns: Sequence[StoredTurn]) -> set[tuple[str, ...]]:
    return {_prints(turns[start:]) for start in range(len(turns) + 1)}


def shown(turns: Sequence[StoredTurn]) -> list[StoredMessage]:
    """What later prompts hold of these turns: answered ones whole, of interrupted ones what the user said.

    Neighbours of one role are one message: servers refuse two.
    """
    messages: list[StoredMessage] = []
    for turn in turns:
        kept = {"answered": turn.messages, "interrupted": turn.messages[:1]}.get(turn.outcome, ())
        for message in kept:
            before = messages[-1] if messages else None
            if before is not None and before.role == message.role != "tool" and not (before.calls or message.calls):
                messages[-1] = replace(before, content=f"{before.content}\n\n{message.content}")
            else:
                messages.append(message)
    return messages


def _order(all_of: Conversations) -> Found:
    """V3: what was sent after another was accepted comes after it."""
    places = {turn.id: place for turns in all_of.order.values() for place, turn in enumerate(turns)}
    sessions: dict[str, list[tuple[Sent, int]]] = defaultdict(list)
    for sent in all_of.evidence.sent:
        if (turn := all_of.turn_of(sent)) is not None:
            sessions[sent.session].append((sent, places[turn.id]))
    for members in sessions.values():
        for first, place in members:
            for later, behind in members:
                if first.ordered_at is not None and first.ordered_at < later.first_sent and place > behind:
                    yield Violation("V3", later.marker, f"stands before {first.marker}, which was accepted before it")


def _same_key(all_of: Conversations) -> Found:
    """V4: whatever a client was told of a message is what is stored."""
    for sent in all_of.evidence.sent:
        if len(sent.turn_ids) > 1:
            yield Violation("V4", sent.marker, f"one key gave several turns: {', '.join(sorted(sent.turn_ids))}")
        turn = all_of.turn_of(sent)
        if turn is None:
            continue
        if sent.turn_ids and turn.id not in sent.turn_ids:
            yield Violation(
                "V4", sent.marker, f"its client was told of {', '.join(sent.turn_ids)}; stored is {turn.id}"
            )
        for reply in sent.replies - {turn.messages[-1].content if turn.messages else ""}:
            yield Violation("V4", sent.marker, f"its client was told a reply that is not stored: {reply[:80]!r}")


def _late_calls(all_of: Conversations) -> Found:
    """V4: no model call for what is committed."""
    repeated_from = all_of.evidence.repeated_from
    for sent in all_of.evidence.sent:
        turn = all_of.turn_of(sent)
        if turn is None:
            continue
        for request in all_of.asked[sent.marker]:
            late = request.at - turn.completed_at
            if late > LATE_CALL or turn.completed_at < repeated_from <= request.at:
                yield Violation("V4", sent.marker, f"the model was asked {late:.1f} s after the commit")


def _finished(all_of: Conversations) -> Found:
    """V5, wherever the calm was long enough to tell."""
    for calm in all_of.evidence.calms:
        unfinished: dict[str, list[tuple[Sent, StoredTurn]]] = defaultdict(list)
        for sent, turn in unfinished_at(all_of, calm.began):
            unfinished[sent.session].append((sent, turn))
        for session, members in unfinished.items():
            due = max(calm.began + FINISHES_WITHIN, _model_trouble(all_of, members) + MODEL_BACK_WITHIN)
            for sent, turn in members:
                ahead = sum(calm.began < other.completed_at < turn.completed_at for other in all_of.order[session])
                until = due + A_TURN_AHEAD * ahead
                if turn.completed_at > until and calm.ended >= until:
                    took = turn.completed_at - calm.began
                    what = f"ended {took:.1f} s after all was back, with {ahead} before it ({turn.id})"
                    yield Violation("V5", sent.marker, what)


def _stuck(all_of: Conversations) -> Found:
    """V5: with everything back and nobody asking, every turn comes to its end."""
    for stuck in all_of.evidence.stuck:
        yield Violation("V5", stuck, "was still open when the silence at the end was over")


def unfinished_at(all_of: Conversations, moment: float) -> list[tuple[Sent, StoredTurn]]:
    """The messages that were accepted at this moment and had no outcome yet, with the turns that they became."""
    return [
        (sent, turn)
        for sent in all_of.evidence.sent
        if sent.accepted_at is not None
        and sent.accepted_at <= moment
        and (turn := all_of.turn_of(sent)) is not None
        and turn.completed_at > moment
    ]


def _model_trouble(all_of: Conversations, members: Sequence[tuple[Sent, StoredTurn]]) -> float:
    """When the model was last of no use to any of these turns."""
    troubles = [0.0]
    for sent, turn in members:
        began = sent.accepted_at or turn.created_at
        troubles += [
            away.ended for away in all_of.evidence.aways if began < away.ended and away.began < turn.completed_at
        ]
        troubles += [request.at + HANGS for request in all_of.asked[sent.marker] if request.fault not in ANSWERED]
    return max(troubles)


def _apart(all_of: Conversations) -> Found:
    """V6."""
    for leak in all_of.evidence.leaks:
        yield Violation("V6", "a client", leak)
    for sent in all_of.evidence.sent:
        for reply in sent.replies:
            yield from _only(sent.user, set(USER.findall(reply)), sent.marker, "reply")
        for turn in all_of.turns_of(sent):
            if turn.user != sent.user:
                yield Violation("V6", turn.id, f"of {sent.user} is stored as {turn.user}'s")
            texts = " ".join(message.content for message in turn.messages)
            yield from _only(sent.user, set(USER.findall(texts)), turn.id, "record")
        for request in all_of.asked[sent.marker]:
            yield from _only(sent.user, set(request.users), sent.marker, "prompt")


def _only(user: str, seen: set[str], of: str, where: str) -> Found:
    if others := seen - {user}:
        yield Violation("V6", of, f"its {where} holds something of {', '.join(sorted(others))}")


def _untroubled(all_of: Conversations) -> Found:
    """V7: by the names of the messages, and by the service's own words, wherever they stand in a prompt."""
    outcomes = {sent.marker: turn.outcome for sent in all_of.evidence.sent if (turn := all_of.turn_of(sent))}
    excuses = _excuses(all_of)
    known: dict[tuple[str, str], str] = {}
    for marker, requests in all_of.asked.items():
        said = {text for request in requests for text in request.texts}
        for text in said - known.keys():
            known[text] = _trouble_in(*text, outcomes, excuses)
        for trouble in sorted({known[text] for text in said} - {""}):
            yield Violation("V7", marker, f"its prompt holds {trouble}")


def _excuses(all_of: Conversations) -> set[str]:
    """What the service itself says where there is no answer."""
    said: dict[bool, set[str]] = {True: set(), False: set()}
    for turn in all_of.turns.values():
        said[turn.outcome == "answered"] |= {m.content for m in turn.messages if m.role == "assistant" and m.content}
    return said[False] - said[True]


def _trouble_in(role: str, text: str, outcomes: Mapping[str, str], excuses: set[str]) -> str:
    allowed = {"answered", "interrupted"} if role == "user" else {"answered"}
    for marker in MARKER.findall(text):
        if (outcome := outcomes.get(marker, "answered")) not in allowed:
            return f"something of {marker}, which is {outcome}"
    if role == "assistant":
        for excuse in excuses:
            if excuse in text:
                return f"the service's own words: {excuse[:60]!r}"
    return ""


def _missed(all_of: Conversations) -> Found:
    """Each fault that was armed has happened: a run that breaks nothing shows nothing."""
    for fault in all_of.evidence.missed:
        yield Violation("faults", fault, "was armed and did not happen")


def _answers(all_of: Conversations) -> Found:
    """Doors answer, or say when to come back; they never break down."""
    for answer in all_of.evidence.odd_answers:
        yield Violation("doors", "a client", answer)


def _text(turn: StoredTurn) -> str:
    return turn.messages[0].content if turn.messages else ""
