"""Wishes that no search can be narrowed by. They are taken from the text, and it is said that they cannot be met."""

from __future__ import annotations

import re

from travelbuddy.offline.text import Remainder

_VIA = re.compile(r"\bvia [A-Z]\w+(?: [A-Z]\w+)?")
_CLOCK = re.compile(
    r"\b(?:(?:at|before|after|around|by) \d{1,2}(?::\d{2}(?: ?[ap]m)?|(?::\d{2})? ?[ap]m)"
    r"|(?:at|before|after|around|by) (?:noon|midday|midnight|lunch(?: ?time)?|dinner(?: ?time)?)"
    r"|in the (?:early |late )?(?:morning|afternoon|evening)|(?:earlier|later) (?:in the|on the|that|the same) day"
    r"|the (?:latest|last) (?:flight|one|departure)s?|(?<=^and )the latest|(?<=^)the latest"
    r"|(?:early |late )?(?:morning|afternoon|evening|night|red[ -]?eye) (?:ones?|flights?|departures?))\b",
    re.I,
)
_BAGGAGE = re.compile(
    r"\b(?:[1-9]|one|two|three|an?) (?:checked |check-in |carry-on |hold )?"
    r"(?:bags?|suitcases?|pieces? of (?:luggage|baggage))\b"
    r"|\b(?:(?:only|just|with) )*(?:hand ?bags?|hand (?:luggage|baggage)|cabin (?:bags?|luggage)|carry-?ons?) only\b"
    r"|\b(?:only|just) (?:an? )?(?:hand ?bags?|hand (?:luggage|baggage)|cabin (?:bags?|luggage)|carry-?ons?)\b",
    re.I,
)
_REFUNDABLE = re.compile(r"\b(?:fully )?(?<!non-)(?<!not )refundable\b", re.I)
_STOP_LENGTH = re.compile(
    r"\b(?:(?:no|not|without|with) )?(?:an? |any )?(?:layovers?|stopovers?|connections?|stops?|waits?|transfers?)"
    r"(?: (?:that|which))?(?: (?:is|are|be|of|last(?:s|ing)?))*"
    r" (?:(?:no |not )?(?:longer|more|less|shorter|fewer) than|under|over|below|at most|up to|max(?:imum)?)"
    r" (?:\w+ )?(?:\d+|an?|two|three|four|five|six|half an)(?:[.:]\d+)? ?(?:h|hrs?|hours?|min(?:ute)?s?)\b"
    r"|\b(?:no |without (?:a )?|avoid )?(?:long|short|tight|overnight) (?:layovers?|stopovers?|connections?|waits?)\b",
    re.I,
)
_FLEXIBLE = re.compile(
    r"\b(?:(?:give or take|plus or minus|plus/minus) (?:an? |one |two |a couple of |\d )?days?"
    r"|(?:my |our )?(?:dates?|days?) (?:are|is) flexible"
    r"|flexible (?:with |on |about )?(?:the |my |our )?(?:dates?|days?))\b"
    r"|(?:±|\+/?-) ?\d(?: days?)?",
    re.I,
)
_OPEN_JAW = re.compile(r"\bopen[ -]?jaw\b(?: (?:tickets?|flights?|trip))?", re.I)
_WISHES = (
    ("choosing where to stop on the way", _VIA),
    ("looking at several days at once", _FLEXIBLE),
    ("choosing how long a stop takes", _STOP_LENGTH),
    ("a way back from another place", _OPEN_JAW),
    ("choosing the time of day", _CLOCK),
    ("choosing baggage", _BAGGAGE),
    ("keeping to refundable tickets", _REFUNDABLE),
)


def read_wishes(rest: Remainder) -> tuple[str, ...]:
    """What each of them is about, in words that follow "I cannot help with"."""
    return tuple(topic for topic, pattern in _WISHES if rest.take_all(pattern))
