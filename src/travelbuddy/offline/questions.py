"""What a sentence asks about the user: which facts to recall, and which to forget."""

from __future__ import annotations

import re

from travelbuddy.offline.text import Remainder, labelled

EVERYTHING = "everything"

_TOPICS = {
    "name": r"(?:first |full )?name",
    "home_airport": r"home(?: ?town| city| airport| base)?|city|departure airport",
    "cabin": r"cabin(?: class)?|travel class|class",
    "language": r"language",
    "preferred_style": r"(?:answer |reply )?style|tone",
    "expertise_level": r"expertise(?: level)?|experience(?: level)?",
    "seat": r"seat(?: preference)?",
    "diet": r"diet|meal(?: preference)?|food(?: preference)?",
    "airline": r"airline|carrier",
}
_MY = r"my (?:preferred |favou?rite |usual |own )?"
_MY_TOPIC = rf"{_MY}{labelled(_TOPICS)}\b"
_RECALL_ALL = re.compile(
    r"\b(?:what (?:all )?(?:do|did|have|can) you (?:know|remember\w*|learn\w*|stored?|saved?|got|have)"
    r"(?: (?:about|on|of) me)?|what (?:did|have) i (?:told?|tell) you|do you (?:know|remember) me\b"
    r"|(?:my|which) preferences\b(?! (?:is|are) \w))",
    re.I,
)
_RECALL_ONE = re.compile(
    rf"\b(?:(?:what|which)(?:'s| is| was| are)?|who(?:'s| is)|tell me|say|know|remember|remind me(?: of)?) {_MY_TOPIC}"
    rf"(?! (?:is|as|to|:) \w)|\bwhat {_MY}{labelled(_TOPICS, 'asked_')} is\b",
    re.I,
)
_RECALL_WHICH = re.compile(rf"\b(?:which|what) {labelled(_TOPICS)} do i (?:prefer|like|speak|want|fly|have)\b", re.I)
_WHERE_HOME = re.compile(
    r"\bwhere (?:do i live|i live|am i (?:from|based|living)|is my home)\b|\bmy home again\b",
    re.I,
)
_WHO_AM_I = re.compile(r"\bwho (?:am i|i am)\b|\bwhat am i called\b", re.I)

_FORGET = re.compile(
    rf"\b(?:forget|delete|erase|remove|clear|stop remembering) (?:about )?"
    rf"(?:{_MY_TOPIC}|(?P<home>where i live)|"
    r"(?P<all>everything|all|(?:all )?(?:about )?me\b|my (?:data|preferences|profile)))",
    re.I,
)


def read_questions(rest: Remainder) -> tuple[str, ...]:
    """The keys the user asks about, or ``(EVERYTHING,)``."""
    if rest.take_all(_RECALL_ALL):
        return (EVERYTHING,)
    asked = [_key(match) for pattern in (_RECALL_ONE, _RECALL_WHICH) for match in rest.take_all(pattern)]
    asked += ["name"] * bool(rest.take_all(_WHO_AM_I)) + ["home_airport"] * bool(rest.take_all(_WHERE_HOME))
    return tuple(dict.fromkeys(asked))


def read_forget(rest: Remainder) -> tuple[str, ...]:
    """The keys the user wants forgotten, or ``(EVERYTHING,)``."""
    found = rest.take_all(_FORGET)
    if any(match["all"] for match in found):
        return (EVERYTHING,)
    return tuple(dict.fromkeys("home_airport" if match["home"] else _key(match) for match in found))


def _key(match: re.Match[str]) -> str:
    return next(name.removeprefix("asked_") for name, words in match.groupdict().items() if words)
