"""What a sentence wants done beyond an answer: a flight held, a fare watched, an offer described."""

from __future__ import annotations

import re

from travelbuddy.offline.frame import Errand, ErrandKind, Which
from travelbuddy.offline.text import COUNT, USED, Remainder, number

TOOL_OF = {
    ErrandKind.HOLD: "hold_flight",
    ErrandKind.WATCH: "watch_fare",
    ErrandKind.LIST: "list_requests",
    ErrandKind.CANCEL: "cancel_watch",
}

_RANKS = {
    **dict.fromkeys(("first", "1st"), 0),
    **dict.fromkeys(("second", "2nd"), 1),
    **dict.fromkeys(("third", "3rd"), 2),
    **dict.fromkeys(("fourth", "4th"), 3),
    **dict.fromkeys(("fifth", "5th"), 4),
    "last": -1,
}
_ORDERS = {
    **dict.fromkeys(("cheapest", "least expensive", "lowest"), "price"),
    **dict.fromkeys(("fastest", "quickest", "shortest"), "duration"),
    **dict.fromkeys(("earliest", "soonest"), "departure"),
}
_ONE = r"(?: (?:one|flight|offer|option|fare|ticket|watch)\b)?(?: (?:in|on|from) (?:the|your) list\b)?"
_PICK = (
    rf"(?:(?:the )?(?P<rank>{'|'.join(_RANKS)})(?: (?P<nth>{'|'.join(_ORDERS)}))?\b(?![ -](?:class|cabin))"
    rf"|(?:the )?(?P<order>{'|'.join(_ORDERS)})\b"
    r"|(?:the )?(?P<place>\d{1,2})(?:st|nd|rd|th)(?= (?:one|flight|offer|option|fare|ticket|watch)\b)"
    rf"|(?:the )?(?:(?:number|no\.?|option|offer|flight|choice) |# ?)(?P<count>{COUNT})\b"
    rf"|(?:the )?(?P<flight>[A-Z]{{2}} ?\d{{2,4}})\b)"
)
_IT = r"(?P<it>(?:it|this|that)\b(?: (?:one|flight|offer|option|ticket|seat))?|the (?:flight|ticket|offer|seat)s?\b)"
_NAMED = r"the (?P<name>direct|non-?stop|[a-z]{3,20}) (?:one|flight|offer|option)\b"
_REFERENCE = rf"(?:(?:{_PICK}){_ONE}|{_IT}|{_NAMED})(?: for (?:me|us)\b)?(?: please\b)?"

_VERB = (
    r"(?:hold|book|reserve|buy|purchase|secure|put a hold on|place a hold on|go (?:with|for)"
    r"|(?:i'll|i will|we'll|we will|i'd like to|i want to|let me|let's) (?:take|have|get))"
)
_HOLD = re.compile(rf"\b{_VERB}(?: me| us)? {_REFERENCE}", re.I)
_ON_HOLD = re.compile(rf"\bput {_REFERENCE} on hold\b", re.I)
_BARE_HOLD = re.compile(
    r"^(?:(?:yes|yeah|yep|sure|ok|okay|great|perfect|please|can you|could you|go ahead(?: and)?|i want to|i'd like to)"
    r",? ?)*\b(?:book|reserve|purchase)(?: please)?[.!?]*$",
    re.I,
)
_NOT_NOW = re.compile(
    r"\b(?:not|n't|don't|do not|never|no need|without|rather|before|if|should|shall|how|why|when|whether|what|who|where"
    r"|did|does|was|were|later|tomorrow|maybe|perhaps|already|cancel|stop|thinking|tonight|next time"
    r"|(?:can|could|may|do|would) i|do you|(?:someone|he|she|they)(?: will|'ll)?)\b",
    re.I,
)
_CLAUSE_END = re.compile(r"[.!?;,|]| but | then ", re.I)

_FARE = r"(?:(?:air)?fares?|prices?|costs?|flights?|tickets?|route|trip|journey|connection)"
_EYE = r"(?:watch|track|monitor|observe|keep (?:an eye|watch|tabs) on|keep watching)"
_WATCH = re.compile(
    rf"\b(?:{_EYE}(?: out)?(?: for)? (?:(?:the|this|that|these|those|my|a|any|its?) ){{0,2}}(?:cheap\w* )?{_FARE}\b"
    rf"|{_EYE} (?:it|this|that)\b(?= *(?:$|[.,!?]|for me|until|below|under))"
    r"|(?:set(?: up)?|create|make|add|start|want|need|i'd like) (?:me )?an? (?:price|fare) (?:alert|watch|alarm)\b"
    r"(?: (?:for|at|of) (?=[$€£]? ?\d{2,7}\b(?! [a-df-z])))?)",
    re.I,
)
_TELL = re.compile(
    r"\b(?:(?:tell|alert|notify|ping|inform|message|warn|text|email|remind) (?:me|us)|let (?:me|us) know) "
    r"(?:when(?:ever)?|if|as soon as|once)\b(?=[^.!?]{0,120}\b(?:below|under|less than|cheaper|drops?|falls?|fell"
    r"|goes down|go down|comes down|price (?:is|hits|reaches)|or less|sinks?)\b)",
    re.I,
)
_LESS = re.compile(
    r"\b(?:(?:drops?|falls?|goes|go|gets?|comes?|come|sinks?)(?: down)? to|hits?|reach(?:es)?) (?=[$€£]? ?\d)", re.I
)
_MOVES = re.compile(
    r"\b(?:the )?(?:prices?|fares?|costs?|it|they|that|this)? ?\b"
    r"(?:drops?|falls?|goes down|gets? cheaper|gets?|goes)\b",
    re.I,
)
_WATCHES = r"(?:fare |price )?(?:watch(?:es|ing)?|alerts?|alarms?)"
_ASKED = rf"(?:{_WATCHES}|holds?|approvals?|requests?)"
_LIST = re.compile(
    r"\b(?:what|which \w+) (?:are|do) you (?:still )?(?:watch(?:ing)?|track(?:ing)?|monitor(?:ing)?)\b(?: for me)?"
    rf"|\b(?:list|show|see|what are|which are)(?: me)?(?: all)?(?: of)? my (?:open |waiting |current )?{_ASKED}\b"
    rf"|\b(?:which|what|any|how many) (?:open |waiting |current )?{_ASKED} (?:do|have) i\b(?: have)?"
    rf"|\bdo i have (?:any |some )?(?:open |waiting |current )?{_ASKED}\b"
    r"|\b(?:what|which \w+)(?:'s| is| are)? (?:still )?wait(?:s|ing) for (?:my )?(?:approval|me)\b",
    re.I,
)
_CANCEL = re.compile(
    rf"\b(?:cancel|stop|end|delete|remove|drop|turn off) (?:(?:the|my|this|that) )?(?:(?P<rank>{'|'.join(_RANKS)}) )?"
    rf"(?:{_WATCHES}|(?:watching|tracking|monitoring))\b(?: (?:it|that|this|(?:the |my )?{_FARE}))?"
    rf"|\b(?:no longer|quit) (?:watch|track|monitor)(?:ing)?\b(?: (?:it|that|this|(?:the |my |this )?{_FARE}))?",
    re.I,
)
_CANCEL_ONE = re.compile(
    rf"^(?:(?:ok|okay|please|and|then|no|yes|now),? )*(?:cancel|stop|end|delete|remove|drop) (?:the )?"
    rf"(?P<rank>{'|'.join(_RANKS)})(?: one)?(?:,? please)?[.!]*$",
    re.I,
)
_ABOUT = r"(?:more |the |some )?(?:details?|info(?:rmation)?|specifics) (?:about|on|of|for)"
_DETAILS = re.compile(
    r"\b(?:(?:tell me|show me|know|hear|say)(?: a (?:bit|little))? more (?:about|on|of)|describe"
    rf"|(?:show |give )?(?:me )?{_ABOUT}) {_REFERENCE}",
    re.I,
)
_CHOICE = re.compile(
    rf"^(?:(?:yes|ok|okay|i mean|make it|take|i'll take|hold|cancel),? )*(?:{_PICK}{_ONE}|{_NAMED}|(?P<bare>{COUNT}))"
    r"(?:,? (?:please|thanks|thank you))?[.!]*$",
    re.I,
)
_SUM = re.compile(
    r"^(?:(?:say|about|around|maybe|let's say|make it|at|when it(?:'s| is)|to|for|ok|okay|yes),? )*"
    r"(?:[$€£]|eur|usd|gbp)? ?(?P<sum>\d{1,7})(?:[.,]\d{1,2})? ?"
    r"(?:[$€£]|euros?|eur|usd|dollars?|pounds?|gbp)?(?:,? (?:please|or less|at most))?[.!]*$",
    re.I,
)
_NEAR = 200  # how far a clause is looked at
_LATER = re.compile(r"\b(?:later|tomorrow|next time|myself|yesterday)\b", re.I)
_READ = (
    (ErrandKind.LIST, _LIST),
    (ErrandKind.CANCEL, _CANCEL),
    (ErrandKind.CANCEL, _CANCEL_ONE),
    (ErrandKind.WATCH, _WATCH),
    (ErrandKind.WATCH, _TELL),
    (ErrandKind.DETAILS, _DETAILS),
    (ErrandKind.HOLD, _HOLD),
    (ErrandKind.HOLD, _ON_HOLD),
)
_RESTRAINED = {ErrandKind.HOLD, ErrandKind.WATCH}


def read_errand(rest: Remainder, tools: frozenset[str]) -> Errand | None:
    """The errand that the sentence asks for, of those that ``tools`` can do; its words are taken from the text."""
    for kind, read in _READ:
        if TOOL_OF.get(kind, "") not in tools | {""}:
            continue
        for found in read.finditer(rest.text):
            if kind in _RESTRAINED and _not_meant(rest.text, found):
                continue
            rest.cut(found.start(), found.end())
            if kind is ErrandKind.WATCH:
                _plain_limit(rest, found.group())
            return Errand(kind, _which(found.groupdict()))
    if TOOL_OF[ErrandKind.HOLD] in tools and rest.take(_BARE_HOLD):
        return Errand(ErrandKind.HOLD, Which("it"))
    return None


def read_choice(text: str) -> Which | None:
    """The one that a message of nothing else points at, as an answer to "which one?"."""
    found = _CHOICE.match(text)
    return _which(found.groupdict()) if found else None


def read_sum(text: str) -> float | None:
    """The amount of a message of nothing else, as an answer to "below which price?"."""
    found = _SUM.match(text)
    return int(found["sum"]) if found else None


def _not_meant(text: str, found: re.Match[str]) -> bool:
    """True when the clause denies the errand, only wonders about it, or puts it off."""
    before = _CLAUSE_END.split(text[max(0, found.start() - _NEAR) : found.start()])[-1]
    after = _CLAUSE_END.split(text[found.end() : found.end() + _NEAR])[0]
    return bool(_NOT_NOW.search(before) or _LATER.search(after))


def _plain_limit(rest: Remainder, trigger: str) -> None:
    """Words of a price that moves become those that a filter reads: "drops to 150" is "below 150"."""
    rest.text = " ".join(_MOVES.sub(" ", _LESS.sub("below ", rest.text)).split())
    if trigger.endswith((" for ", " at ", " of ")):
        rest.text = rest.text.replace(USED.strip(), f"{USED.strip()} below", 1)


def _which(found: dict[str, str | None]) -> Which | None:
    rank, order = found.get("rank"), found.get("nth") or found.get("order")
    count = found.get("count") or found.get("bare") or found.get("place")
    if rank or order:
        return Which(_ORDERS[order.lower()] if order else "listed", _RANKS[rank.lower()] if rank else 0)
    if count:
        return Which("listed", number(count) - 1) if number(count) else Which("listed", 999)
    name = found.get("flight") or found.get("name")
    if name:
        return Which("name", name=name.replace(" ", "").lower())
    return Which("it") if found.get("it") else None
