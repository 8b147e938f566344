"""What to do or say next. Pure: the answer depends on nothing but the messages and tools of the request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from travelbuddy.offline import phrases
from travelbuddy.offline.doing import errand_calls, errand_words, problem
from travelbuddy.offline.frame import ErrandKind, Intent
from travelbuddy.offline.holding import HOLD
from travelbuddy.offline.offers import describe
from travelbuddy.offline.profile import KEYS
from travelbuddy.offline.questions import EVERYTHING
from travelbuddy.offline.text import EXAMINED_CHARS, sendable
from travelbuddy.offline.transcript import (
    FORGET,
    REMEMBER,
    SEARCH,
    Call,
    Conversation,
    Message,
    read_conversation,
)
from travelbuddy.offline.trip import Trip, wants_search

_FOREIGN = re.compile(
    r"\b(?:je|voudrais|vols?|pour|depuis|demain|quiero|necesito|vuelos?|mañana|desde|hasta|ich|möchte|flug|flüge|nach"
    r"|morgen|vorrei|voli|volo|domani|quero|preciso|voos?|amanhã|ik|wil|vlucht|naar|jag|vill|flyg|para|una?|der|die|für)\b"
    r"|[^\W\d_a-zA-ZÀ-ɏ]{2}",
    re.I,
)
"""Words of other languages, and letters of other scripts."""
_NOTHING_ELSE = re.compile(
    r"^\W*(?:(?:i|we) )?(?:no|nothing|(?:have|got) no|don't have any)\b[^.?!]*"
    r"\b(?:other|more|else|further|special|preferences?)\b",
    re.I,
)
_FROM_HERE = re.compile(r"\bfrom (?:here|home|my (?:place|city|town|location)|where i am)\b|\bnearest airport\b", re.I)
_BESIDE_A_SEARCH = {ErrandKind.HOLD, ErrandKind.DETAILS, ErrandKind.QUESTION, ErrandKind.MORE}


@dataclass(frozen=True)
class Reply:
    """The next assistant message: a text, or the tools to call first."""

    text: str | None = None
    calls: tuple[Call, ...] = ()


def respond(messages: Sequence[Message], tools: frozenset[str], *, parallel: bool = True) -> Reply:
    """The next assistant message of the conversation; ``tools`` are the names of those that may be called.

    A tool is called at most once for the same purpose in a turn, so a turn ends after its results are in.
    """
    talk = read_conversation(messages, tools)
    usable = frozenset() if talk.tools_forbidden else tools
    done = Counter(_purpose(step.call) for step in talk.steps)
    calls = [call for call in _plan(talk) if call.name in usable]
    calls = [call for at, call in enumerate(calls) if done[_purpose(call)] <= _before(calls, at)]
    if calls:
        return Reply(calls=tuple(calls if parallel else calls[:1]))
    return Reply(text=sendable(_compose(talk, usable)))


def _purpose(call: Call) -> tuple[str, str]:
    """What makes two calls of a turn the same one, however their arguments are written."""
    return call.name, "" if call.name == SEARCH else str(call.arguments.get("key"))


def _before(calls: list[Call], at: int) -> int:
    """How many of the calls before have the same purpose: several journeys are several searches."""
    return sum(_purpose(call) == _purpose(calls[at]) for call in calls[:at])


def _plan(talk: Conversation) -> list[Call]:
    """Every tool call that the user's message asks for."""
    calls = [Call(FORGET, {"key": key}) for key in _to_forget(talk)]
    calls += [Call(REMEMBER, {"key": key, "value": value}) for key, value in talk.said.remember.items()]
    if _searching(talk) and not talk.trips[0].missing:
        return [*calls, *(Call(SEARCH, _trip_arguments(talk, trip)) for trip in talk.trips)]
    return [*calls, *errand_calls(talk, _trip_arguments(talk, talk.trip))]


def _trip_arguments(talk: Conversation, trip: Trip) -> dict[str, JsonValue]:
    arguments: dict[str, JsonValue] = dict(trip.frame.filled())
    facts = {**talk.facts, **talk.said.remember}
    for slot, key in (("origin", "home_airport"), ("cabin", "cabin")):
        if key in facts and facts[key] != talk.remembered.get(key):
            arguments.setdefault(slot, facts[key])  # not stored yet, so the tool cannot know it
    return arguments


def _searching(talk: Conversation) -> bool:
    errand = talk.said.errand
    if errand is not None and errand.kind not in _BESIDE_A_SEARCH:
        return False
    return wants_search(talk.trip_before, talk.said, talk.message) and not _searched_already(talk)


def _searched_already(talk: Conversation) -> bool:
    """True when the message changes nothing of a search that was answered, and does not ask for it anew in full."""
    anew = talk.said.frame.destination is not None and Intent.SEARCH in talk.said.intents
    return talk.trip_before.searched and talk.trip.frame.said() == talk.trip_before.frame.said() and not anew


def _to_forget(talk: Conversation) -> list[str]:
    if talk.said.forget == (EVERYTHING,):
        return [key for key in KEYS if key in talk.facts]
    return list(talk.said.forget)


def _compose(talk: Conversation, usable: frozenset[str]) -> str:
    """The answer in words, once no tool is left to call."""
    said = talk.said
    facts = {**talk.facts, **said.remember}
    parts = [_greeting(facts)] if Intent.GREET in said.intents else []
    parts += _about_user(talk, facts, usable)
    if said.unsupported:
        parts.append(phrases.refusal(said.unsupported))
    parts += _flights(talk, facts)
    parts += errand_words(talk, usable, searching=_searching(talk))
    if Intent.BOOK in said.intents and not said.unsupported:
        parts.append(phrases.CAN_HOLD if HOLD in usable else phrases.CANNOT_BOOK)
    if Intent.ABOUT_SELF in said.intents:
        parts.append(phrases.ABOUT_SELF)
    if Intent.HELP in said.intents or parts == [_greeting(facts)]:
        parts.append(phrases.CAN_DO)
    if Intent.THANK in said.intents:
        parts.append(phrases.THANKED)
    if Intent.GOODBYE in said.intents:
        parts.append(phrases.FAREWELL)
    return "\n".join(parts or [_puzzled(talk)])


def _greeting(facts: Mapping[str, str]) -> str:
    return f"Hello {facts['name']}!" if facts.get("name") else "Hello!"


def _puzzled(talk: Conversation) -> str:
    if Intent.RESET in talk.said.intents:
        return f"{phrases.FRESH_START} {phrases.ASK['destination']}"
    if talk.said.changes_trip and talk.trip.searched:
        return phrases.ALREADY_SO
    if _FROM_HERE.search(talk.message[:EXAMINED_CHARS]) and "home_airport" not in talk.facts:
        return phrases.WHERE_IS_HERE
    if len(_FOREIGN.findall(talk.message[:EXAMINED_CHARS])) > 1:
        return phrases.ONLY_ENGLISH
    if talk.trip.missing and talk.trip.wanted:
        return f"{phrases.NOT_UNDERSTOOD} {phrases.ask(talk.trip.missing)}"
    if talk.said.intents & {Intent.AFFIRM, Intent.DENY} or _NOTHING_ELSE.match(talk.message[:EXAMINED_CHARS]):
        return f"All right. {phrases.SEARCHABLE_NEXT if talk.trip.searched else phrases.CAN_DO}"
    return f"{phrases.I_SEE if talk.said.told else phrases.NOT_UNDERSTOOD} {phrases.CAN_DO}"


def _about_user(talk: Conversation, facts: Mapping[str, str], usable: frozenset[str]) -> list[str]:
    said, parts = talk.said, []
    failed = {
        str(step.call.arguments.get("key")): step.result["error"] for step in talk.steps if "error" in step.result
    }
    if said.forget:
        parts.append(phrases.forgotten(_to_forget(talk), done=FORGET in usable))
    stored = {key: value for key, value in said.remember.items() if key not in failed}
    if stored:
        parts.append(phrases.remembered(stored, kept=REMEMBER in usable))
    parts += [phrases.search_problem(*problem(error)) for key, error in failed.items() if key in said.remember]
    if said.remember.get("language", "English") != "English":
        parts.append("I can only write English while I run on the offline model.")
    if said.recall:
        parts.append(phrases.recall(said.recall, facts))
    return parts


def _flights(talk: Conversation, facts: Mapping[str, str]) -> list[str]:
    results = [step.result for step in talk.steps if step.call.name == SEARCH]
    briefly = facts.get("preferred_style") == "concise" or len(results) > 1
    if results:
        errors = [result.get("error") for result in results]
        return [
            phrases.search_problem(*problem(error)) if error else describe(result, briefly=briefly)
            for result, error in zip(results, errors, strict=True)
        ]
    if not _searching(talk):
        return []
    return [phrases.ask(talk.trip.missing) if talk.trip.missing else phrases.NO_SEARCH_TOOL]
