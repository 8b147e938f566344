"""From a user's sentence to what it means. Pure, and bounded in time whatever the text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from travelbuddy.offline.errands import read_errand
from travelbuddy.offline.filters import read_filters
from travelbuddy.offline.frame import Errand, ErrandKind, Frame, Intent, Understanding, Which
from travelbuddy.offline.holding import HOLD, named_offer
from travelbuddy.offline.places import read_route
from travelbuddy.offline.profile import read_facts
from travelbuddy.offline.questions import read_forget, read_questions
from travelbuddy.offline.text import Remainder, tidy
from travelbuddy.offline.whens import read_dates

_INTENTS = {
    Intent.SEARCH: (
        r"\b(?:flights?|fly|flying|tickets?|air ?fares?|plane|trip|travel(?:l?ing)?|journey|go to|going to|visit"
        r"|(?:want|like|need|love) to (?:go|get (?:to|away)))\b"
    ),
    Intent.BOOK: (
        r"\b(?:book|booking|reserve|reservation|buy|purchase|pay)\b|\bi(?:'ll| will) take (?:it|that|this|the)\b"
    ),
    Intent.RESET: r"\b(?:start over|new search|never ?mind|forget (?:it|that|the search|this))\b",
    Intent.GREET: r"^(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day))\b",
    Intent.THANK: r"\b(?:thanks|thank you|thx|ty|cheers|appreciate)\b",
    Intent.GOODBYE: (
        r"(?:^|[.!,] ?)see you\b|\b(?:bye|goodbye|farewell|good ?night|that(?:'s| is|'ll be| will be| would be) all)\b"
    ),
    Intent.HELP: (
        r"^help\b|\bi need help ?[.!?]*$|\bwhat (?:can|do) you do\b|\bhow (?:does this|do you) work\b"
        r"|\bwhat can i (?:ask|say)\b"
    ),
    Intent.ABOUT_SELF: (
        r"\b(?:who|what) (?:exactly )?are you\b|\bwhat(?:'s| is) your name\b|\byour model\b"
        r"|\bare you (?:an? )?(?:real |the )?(?:bot|robot|human|person|ai|chatgpt|gpt\S*|llm|model|machine|offline)\b"
        r"|\b(?:which|what) (?:language )?model\b|api[ _]key|openai|\boffline model\b"
    ),
    Intent.AFFIRM: r"^(?:yes|yeah|yep|yup|sure|correct|exactly|right|that's right|ok(?:ay)?)\b",
    Intent.DENY: r"^(?:no|nope|nah|not really)\b",
    Intent.NO_TOOLS: (
        r"\b(?:stop|without|do not|don't|no) (?:us(?:e|ing)|call(?:ing)?)? ?(?:any )?(?:more |further )?tools?\b"
    ),
}
_INTENT_RULES = [(intent, re.compile(words, re.I)) for intent, words in _INTENTS.items()]
_UNSUPPORTED = {
    "the weather": r"weather|forecast|temperature|raining|sunny",
    "hotels": r"hotels?|hostels?|accommodation|airbnb|places? to stay",
    "rental cars and taxis": r"(?:rental|hire) cars?|car (?:rental|hire)s?|rent a car|taxis?|uber",
    "trains, buses and ferries": r"trains?|bus(?:es)?|ferr(?:y|ies)|cruises?",
    "visas and entry rules": r"visas?|passports?|entry (?:rules|requirements)|vaccin\w+",
    "restaurants and sights": r"restaurants?|sightseeing|museums?|things to do|attractions?",
    "insurance": r"insurance",
    "changing or cancelling bookings": (
        r"(?:cancel|change|refund) my (?:booking|flight|ticket|reservation)|check ?-? ?in|boarding pass"
    ),
    "flight status": r"flight status|delayed",
}
_UNSUPPORTED_RULES = [(topic, re.compile(rf"\b(?:{words})\b", re.I)) for topic, words in _UNSUPPORTED.items()]
_FLIGHT_WORDS = re.compile(r"\b(?:flights?|fly|flying|airfares?|plane)\b", re.I)
_ROUND_TRIP = re.compile(
    r"\b(?:round[ -]?trip|(?:a|with) return(?: (?:ticket|flight|trip))?|return (?:tickets?|trips?|fares?)"
    r"|return flights?(?= to)"
    r"|there and back|both ways)\b",
    re.I,
)
_AIRLINES = re.compile(
    r"\b(?:with|on|by|via) [A-Z]\w+(?: [A-Z]\w+)? (?:[Aa]irlines?|[Aa]irways)\b"
    r"|\b[A-Z]\w+ (?:[Aa]irlines?|[Aa]irways)\b"
)
_VIA = re.compile(r"\bvia [A-Z]\w+(?: [A-Z]\w+)?")
_CLOCK = re.compile(
    r"\b(?:(?:at|before|after|around|by) \d{1,2}(?::\d{2}(?: ?[ap]m)?|(?::\d{2})? ?[ap]m)"
    r"|in the (?:early |late )?(?:morning|afternoon|evening))\b",
    re.I,
)
_ONE_WAY = re.compile(r"\b(?:one[ -]?way|oneway|no return|without (?:a )?return|single ticket)\b", re.I)

_WISHES = (  # what a search cannot be narrowed by; said so, beside the search
    ("choosing the airline", _AIRLINES),
    ("choosing where to stop on the way", _VIA),
    ("choosing the time of day", _CLOCK),
)


def understand(message: str, today: date | None = None, tools: frozenset[str] = frozenset()) -> Understanding:
    """What the message says by itself; never raises, whatever the text.

    ``today`` turns date words into ISO dates; without it they are passed on as words. An errand is understood only
    where one of the ``tools`` does it.
    """
    if HOLD in tools and (named := named_offer(message)) is not None:
        return Understanding(errand=Errand(ErrandKind.HOLD, Which("id", name=named)))
    rest = Remainder(tidy(message))
    errand = read_errand(rest, tools)
    said = _understand(rest, today)
    if errand is None:
        return said
    said = replace(said, errand=errand, intents=said.intents - {Intent.BOOK})
    return _watching(said) if errand.kind is ErrandKind.WATCH else said


def _watching(said: Understanding) -> Understanding:
    """The price of a watch is its limit, not a filter of the next search."""
    assert said.errand  # noqa: S101 - the one caller has looked
    limit = said.errand.limit or said.frame.max_price
    frame = replace(said.frame, max_price=None, sort=None)
    searching = {Intent.SEARCH} if frame.destination is None else set()
    return replace(said, errand=replace(said.errand, limit=limit), frame=frame, intents=said.intents - searching)


def _understand(rest: Remainder, today: date | None) -> Understanding:
    text = rest.text
    intents = frozenset(intent for intent, pattern in _INTENT_RULES if pattern.search(text))
    unsupported = tuple(topic for topic, pattern in _UNSUPPORTED_RULES if pattern.search(text))
    recall, forget, remember = read_questions(rest), read_forget(rest), read_facts(rest)
    base = Understanding(intents, recall=recall, forget=forget, remember=remember, unsupported=unsupported)
    if unsupported and not _FLIGHT_WORDS.search(text):
        return replace(base, intents=intents - {Intent.SEARCH, Intent.BOOK})
    said = _with_trip(rest, today, base)
    if unsupported and not said.changes_trip:
        return replace(said, intents=intents - {Intent.SEARCH})
    return said


def _with_trip(rest: Remainder, today: date | None, base: Understanding) -> Understanding:
    """``base`` with all that the rest of the sentence says about a trip."""
    one_way = rest.take(_ONE_WAY)
    round_trip = rest.take(_ROUND_TRIP)
    wishes = tuple(topic for topic, pattern in _WISHES if rest.take_all(pattern))
    when = read_dates(rest, today)
    filters, cleared = read_filters(rest)
    route = read_route(rest.text)
    frame = Frame(origin=route.origin, destination=route.destination, departure_date=when.out, return_date=when.back)
    return replace(
        base,
        frame=frame.updated(filters),
        cleared=cleared | ({"return_date"} if one_way else frozenset()),
        loose_place=route.loose,
        loose_date=when.loose,
        shift=when.shift,
        stay_days=when.stay_days,
        round_trip=bool(round_trip and not one_way),
        unsupported=base.unsupported + wishes,
    )
