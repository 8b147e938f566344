"""What narrows a search: travellers, cabin, stops, price and order. Each rule takes its words from the text."""

from __future__ import annotations

import re

from travelbuddy.offline.frame import Frame
from travelbuddy.offline.text import COUNT, USED, Remainder, number

_PEOPLE = (
    r"(?:people|persons?|passengers?|travell?ers?|adults?|pax|tickets?|seats?|of us|of them|friends"
    r"|kids?|child(?:ren)?)"
)
_COMPANION = r"(?:wife|husband|partner|girlfriend|boyfriend|friend|son|daughter|mother|father|brother|sister)"
_FARE_WORDS = r"(?:business|first|premium|economy|coach|class|cabin|direct|non-?stop|cheap)"
_AND_MORE = re.compile(
    rf"^(?:,| and|, and| plus| with) (?P<n>{COUNT}) (?:adults?|child(?:ren)?|kids?|infants?|bab(?:y|ies))\b", re.I
)
_PASSENGERS = re.compile(
    rf"\b(?:(?P<a>{COUNT})(?= (?:{_FARE_WORDS}[ -]){{1,4}}{_PEOPLE}\b)|(?P<e>{COUNT}) (?:\w+ )?{_PEOPLE}\b"
    rf"|(?P<others>(?:with|and) (?:my )?(?P<f>{COUNT}) (?:\w+ )?(?:kids?|child(?:ren)?|friends?|colleagues?))\b"
    rf"|(?:party|group|family) of (?P<b>{COUNT})\b"
    rf"|make (?:it|that) (?P<c>{COUNT})\b(?! (?:stop|day|week|hour))"
    rf"|(?:for|we are|we're|just) (?:the )?(?P<d>{COUNT})\b(?! (?:\w+ )?{_PEOPLE}\b)"
    r"(?! ?(?:stop|day|night|week|hour|euro|dollar|pound|\d|[.,]\d|[$%€£]))"
    rf"|(?P<pair>(?:with|and) my {_COMPANION}\b(?!')|my {_COMPANION} and (?:i|me|myself)\b)"
    r"|(?P<alone>just me|only me|just myself|alone|solo|by myself))",
    re.I,
)
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
    ("economy", re.compile(r"\b(?:economy|coach|eco)(?: (?:class|cabin))?\b", re.I)),
)
_ANY_CABIN = re.compile(r"\b(?:any|whatever|no particular) (?:cabin|class)\b", re.I)
_HALTS = r"(?:stops?|stopovers?|layovers?|connections?|changes?)"
_ANY_STOPS = re.compile(
    rf"\b(?:any (?:number of )?{_HALTS}|{_HALTS} (?:are|is) (?:ok|okay|fine)|not (?:only|just|necessarily) direct"
    r"|(?:doesn't|does not|need not) (?:have to |need to )?be (?:direct|non-? ?stop))\b",
    re.I,
)
_DIRECT = re.compile(rf"\b(?:direct(?:ly)?|non-? ?stop|(?:without|no|zero|0) (?:any )?{_HALTS})\b", re.I)
_STOPS = re.compile(
    rf"\b(?P<less>(?:less|fewer) than )?(?P<n>{COUNT}) {_HALTS}\b(?: at most| or (?:less|fewer))?", re.I
)
_CURRENCY = r"(?:[$€£]|euros?|eur|usd|dollars?|pounds?|gbp|nok|kroner)"
_AMOUNT = r"\d{1,3}(?:[, ]\d{3})+|\d{1,7}"
_PRICE = re.compile(
    r"\b(?:(?:under|below|less than|cheaper than|max(?:imum)?(?: price)?|at most|up to|within|(?:no|not) more than"
    r"|budget(?: (?:of|is|around|about))?|not over|spend)(?: (?:of|is|about|only))?"
    rf" ?{_CURRENCY}? ?(?P<p>{_AMOUNT})(?P<pk>k\b)?(?:\.\d{{1,2}})?"
    rf"|(?P<q>{_AMOUNT})(?P<qk>k\b)?(?:\.\d{{1,2}})? ?{_CURRENCY}? (?:or less|at most|max(?:imum)?|budget))"
    rf"(?! ?(?:stop|layover|connection|change|hour|people|person|passenger|day|adult|week|\d))(?: ?{_CURRENCY}(?!\w))?",
    re.I,
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
    ("departure", re.compile(r"\b(?:earliest|soonest|by departure(?: time)?)\b", re.I)),
)


def read_filters(rest: Remainder) -> tuple[Frame, frozenset[str]]:
    """The filters the sentence sets, and the names of those it withdraws."""
    cleared = {
        slot
        for slot, pattern in (("max_price", _ANY_PRICE), ("max_stops", _ANY_STOPS), ("cabin", _ANY_CABIN))
        if rest.take(pattern)
    }
    frame = Frame(
        max_price=_read_price(rest),
        max_stops=_read_stops(rest),
        passengers=_read_passengers(rest),  # before the cabin, whose words may stand between "two" and "tickets"
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
    found = rest.take(_PRICE)
    if not found:
        return None
    digits = re.sub(r"\D", "", found["p"] or found["q"])
    return int(digits) * (1000 if found["pk"] or found["qk"] else 1)


def _read_stops(rest: Remainder) -> int | None:
    if rest.take_all(_DIRECT):
        return 0
    found = rest.take(_STOPS)
    return max(0, number(found["n"]) - bool(found["less"])) if found else None


def _read_passengers(rest: Remainder) -> int | None:
    found = rest.take(_PASSENGERS)
    if not found:
        return None
    if found["pair"] or found["alone"]:
        return 2 if found["pair"] else 1
    count = number(found["a"] or found["b"] or found["c"] or found["d"] or found["e"] or found["f"])
    count += bool(found["others"])
    while more := _AND_MORE.match(rest.text[found.start() + len(USED) :]):  # "2 adults and 1 child"
        count += number(more["n"])
        rest.cut(found.start(), found.start() + len(USED) + more.end())
    return count
