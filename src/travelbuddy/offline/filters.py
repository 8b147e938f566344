"""What narrows a search: travellers, cabin, stops, price and order. Each rule takes its words from the text."""

from __future__ import annotations

import re

from travelbuddy.offline.frame import Frame
from travelbuddy.offline.people import read_people
from travelbuddy.offline.text import COUNT, Remainder, number

_CABINS = (
    (
        "premium_economy",
        re.compile(r"\bpremium(?:[ _-]?(?:economy|eco))?(?: (?:class|cabin))?\b|\bpremium[_-]economy\b", re.I),
    ),
    (
        "business",
        re.compile(r"\bbusiness(?: (?:class|cabin))?\b(?! (?:trip|travel|meeting|partner|reason))", re.I),
    ),
    ("first", re.compile(r"\bfirst[ -]+(?:class|cabin)\b|\b(?:in|fly|prefer|make it) first\b", re.I)),
    ("business", re.compile(r"\b[JC] (?:class|CLASS)\b")),
    ("first", re.compile(r"\bF (?:class|CLASS)\b")),
    ("economy", re.compile(r"\b(?:economy|coach|eco)(?: (?:class|cabin))?\b", re.I)),
)
_ANY_CABIN = re.compile(r"\b(?:any|whatever|no particular) (?:cabin|class)\b", re.I)
_HALTS = r"(?:stops?|stopovers?|layovers?|connections?|changes?|transfers?)"
_ANY_STOPS = re.compile(
    rf"\b(?:any (?:number of )?{_HALTS}|{_HALTS} (?:are|is) (?:ok|okay|fine)|not (?:only|just|necessarily) direct"
    r"|(?:forget|drop|skip|never ?mind|ignore) (?:about )?(?:the |that )?(?:direct|non-? ?stop)\w*"
    r"(?: (?:thing|part|bit|flights?|ones?|wish|requirement))?"
    r"|(?:doesn't|does not|need not) (?:have to |need to )?be (?:direct|non-? ?stop))\b",
    re.I,
)
_STOPS_TOO = re.compile(
    rf"\b(?P<n>{COUNT}|an?) {_HALTS} (?:is|are|would be|will be) (?:also |just )?(?:ok(?:ay)?|fine|all right"
    rf"|acceptable|good)\b",
    re.I,
)
_STOPS_ASKED = re.compile(  # "does the flight have one stop?" wants to know, and limits nothing
    rf"\b(?:do|does|is|are|will|has|have) (?:this|the|it|that|they|my|flights?(?= ha)|there (?:be|going to be))\b"
    rf"[^.?!;|]{{0,30}} (?:{COUNT}|an?|any) {_HALTS}\b[^.?!;|]{{0,20}}\?",
    re.I,
)
_STOPS_FIELD = re.compile(r"\bstops: ?(?P<less>(?=x)x)?(?:max(?:imum)? ?)?(?P<n>\d)\b", re.I)
_DIRECT = re.compile(
    rf"\b(?:direct(?:ly)?|non-? ?st(?:op|po|p)\w{{0,4}}|(?:without|no|zero|0) (?:any |the |a )?{_HALTS}"
    r"|(?:that|which) (?:doesn't|does not|won't) stop"
    r"|(?:don't|do not|hate to|rather not) (?:(?:like|want) (?:to )?)?chang(?:e|ing) planes"
    rf"|without (?:a )?stopping|no changing planes|(?:not|n't) (?:have to |want to )?change planes|fly straight"
    rf"|stops:? ?(?:none|no|0))\b",
    re.I,
)
_STOPS = re.compile(
    rf"\b(?P<less>(?:less|fewer) than )?(?P<n>{COUNT}|single|an?(?= \w+ (?:max|at most"
    rf"|is fine))) {_HALTS}\b(?: at most| max| or (?:less|fewer))?",
    re.I,
)
_CURRENCY = r"(?:[$€£]|euros?|eur|usd|dollars?|bucks?|quid|pounds?|gbp|nok|kroner|aud|cad|inr|chf|sek|rupees?|francs?)"
_AMOUNT = r"\d{1,3}(?:[, ]\d{3})+|\d{1,7}"
_LIMIT = (
    r"(?:\b(?:under|below|less than|cheaper than|max(?:imum)?(?: price)?|at most|up to|within|spend"
    r"|(?:no|not|nothing|cannot|never)(?: \w+){0,3}? (?:more (?:than|as)|over|above|cross|exceed)"
    r"|(?:pay|spend|cost) more than|budget(?:'s|:)?(?: (?:of|is|around|about|max))?"
    r"|(?:only|just|i've|i have)(?: only| just)? (?:got|have)|money is"
    r"|i've(?= (?:about |only |got )?[$€£]?\d+ ?(?:[$€£]|euro|dollar|quid|pound|buck)))(?: (?:of|is|about|only|max"
    r"|got))?|n't(?: \w+){0,3}? (?:more than|over|above)|<)"
)
_NO_PRICE = (
    r"(?! ?(?:stop|layover|connection|change|hour|people|person|passenger|day|adult|week|bag|kid|child|ticket|\d))"
)
_PRICE = re.compile(
    rf"(?:{_LIMIT} ?{_CURRENCY}? ?(?P<p>{_AMOUNT})(?P<pk>k\b)?(?:\.\d{{1,2}})?"
    rf"|\b(?P<q>{_AMOUNT})(?P<qk>k\b)?(?:\.\d{{1,2}})? ?{_CURRENCY}? (?:or less|or under|at most|max(?:imum)?|tops"
    rf"|budget|limit)){_NO_PRICE}(?: ?{_CURRENCY}(?!\w))?",
    re.I,
)
_BUDGET = re.compile(
    rf"\bbudget\b[^.;|\d]{{1,60}}\bis (?P<p>{_CURRENCY}? ?(?:{_AMOUNT})\b(?: ?{_CURRENCY}(?!\w))?)", re.I
)
_ANY_PRICE = re.compile(
    r"\b(?:any price|no (?:price limit|budget|limit)"
    r"|(?:price|money|cost) (?:does not|doesn't|is not|isn't) (?:matter|an issue|a problem))\b",
    re.I,
)
_SORTS = (
    (
        "price",
        re.compile(
            r"\b(?:cheap(?:est|er)?|low(?:est|er) (?:price|fare|cost)s?|least expensive|by price)\b",
            re.I,
        ),
    ),
    ("duration", re.compile(r"\b(?:fast(?:est|er)?|quick(?:est|er)|short(?:est|er)|by duration)\b", re.I)),
    (
        "departure",
        re.compile(
            r"\b(?:earliest|soonest|by departure(?: time)?|first (?:plane|flight) (?:to|out|of the day|from))\b", re.I
        ),
    ),
)


def read_filters(rest: Remainder) -> tuple[Frame, frozenset[str]]:
    """The filters the sentence sets, and the names of those it withdraws."""
    rest.take_all(_STOPS_ASKED)
    stops_too = rest.take(_STOPS_TOO)
    cleared = {
        slot
        for slot, pattern in (("max_price", _ANY_PRICE), ("max_stops", _ANY_STOPS), ("cabin", _ANY_CABIN))
        if rest.take(pattern)
    }
    frame = Frame(
        max_stops=_read_stops(rest, stops_too),  # before the price: "max 1 stop"
        max_price=_read_price(rest),
        passengers=read_people(rest),  # before the cabin, whose words may stand between "two" and "tickets"
        cabin=_first_label(rest, _CABINS),
        sort=_first_label(rest, _SORTS),
    )
    return frame, frozenset(cleared)


def cabin_in(text: str) -> str | None:
    """The cabin that ``text`` names, as the tool spells it."""
    return _first_label(Remainder(text), _CABINS)


def _first_label(rest: Remainder, table: tuple[tuple[str, re.Pattern[str]], ...]) -> str | None:
    labels = [label for label, pattern in table if rest.take_all(pattern)]
    return labels[0] if labels else None


def _read_price(rest: Remainder) -> float | None:
    if budget := _BUDGET.search(rest.text):  # "my budget from Oslo to Rome is 500": the places stay in the text
        rest.cut(budget.start("p"), budget.end("p"))
        return int(re.sub(r"\D", "", budget["p"]))
    found = rest.take(_PRICE)
    if not found:
        return None
    digits = re.sub(r"\D", "", found["p"] or found["q"])
    return int(digits) * (1000 if found["pk"] or found["qk"] else 1)


def _read_stops(rest: Remainder, too: re.Match[str] | None) -> int | None:
    if too:
        rest.take_all(_DIRECT)
        return number(too["n"])
    if rest.take_all(_DIRECT):
        return 0
    found = rest.take(_STOPS) or rest.take(_STOPS_FIELD)
    return (
        max(0, (1 if found["n"].lower() == "single" else number(found["n"])) - bool(found["less"])) if found else None
    )
