"""From a user's sentence to what it means. Pure, and bounded in time whatever the text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from travelbuddy.offline.airlines import read_airline
from travelbuddy.offline.asking import read_question
from travelbuddy.offline.corrections import settled
from travelbuddy.offline.errands import read_errand
from travelbuddy.offline.filters import read_filters
from travelbuddy.offline.frame import Errand, ErrandKind, Frame, Intent, Understanding, Which
from travelbuddy.offline.holding import HOLD, named_offer
from travelbuddy.offline.people import read_joining
from travelbuddy.offline.places import read_route
from travelbuddy.offline.profile import read_facts
from travelbuddy.offline.questions import read_forget, read_questions
from travelbuddy.offline.restraint import RULES, SENTENCE, leave_out_tales, read_rules
from travelbuddy.offline.text import Remainder, tidy
from travelbuddy.offline.whens import read_dates
from travelbuddy.offline.wishes import read_wishes
from travelbuddy.offline.wording import plainly

_INTENTS = {
    Intent.SEARCH: (
        r"\b(?:flights?|fly|flying|tickets?|air ?fares?|plane|trip|travel(?:l?ing)?|journey|go to|going to|visit"
        r"|(?:want|like|need|love) to (?:go|get (?:to|away))"
        r"|(?:thinking (?:of|about)|plan(?:ning)?|looking for|want|fancy|need) (?:an? )?(?:\w+ )?"
        r"(?:city break|getaway|holiday|vacation|weekend away|short break))\b"
    ),
    Intent.BOOK: (
        r"\b(?:(?<!a )book|booking|reserve|reservation|buy|purchase|pay)\b|\bi(?:'ll| will) take (?:it|that|this|the)\b"
        r"|\b(?:let's|let us|(?:i|we)(?:'ll| will)) (?:go with|take|have|choose|pick) (?:the )?(?:first|second|third"
        r"|last|1st|2nd|3rd|cheapest|fastest|that|this|it|number \d|option \d|offer \d)\b"
    ),
    Intent.RESET: (
        r"\b(?:start over|new search|never ?mind(?! ?,? ?\w)|never mind (?:the|that) (?:search|flight|trip)"
        r"|forget (?:it|that|the search|this))\b"
    ),
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
    Intent.AFFIRM: (
        r"^(?:yes|yeah|yep|yup|sure|correct|exactly|right|that's right|ok(?:ay)?|all ?right|alright|great|perfect|cool"
        r"|fine|good|nice|awesome|got it|i see|of course|absolutely|definitely)\b"
        r"|\b(?:sounds?|seems?|looks?|would be|will be|is|that's|that is) (?:\w+ )?"
        r"(?:good|great|fine|perfect|ok|okay|nice|suitable|excellent|ideal|wonderful|cool|interesting|reasonable)\b"
        r"|\b(?:works?|suits?|do) (?:well |perfectly |fine |great )?(?:for|with|to) (?:me|us)\b|\bthat(?:'ll"
        r"| will) (?:do|work)\b|\bi (?:like|love) (?:it|that|this|the)\b|\b(?:sounds|looks|seems) like\b"
    ),
    Intent.DENY: r"^(?:no|nope|nah|not really)\b",
    Intent.CORRECT: (
        r"\b(?:(?:i )?meant|i mean|mistaken?|sorry|actually|mixed up|wrong|instead|oops|correction|should be"
        r"|changed my mind)\b|^(?:no|nope|not|wait)\b"
    ),
    Intent.NO_TOOLS: (
        r"\b(?:stop|without|do not|don't|no) (?:us(?:e|ing)|call(?:ing)?)? ?(?:any )?(?:more |further )?tools?\b"
    ),
}
_INTENT_RULES = [(intent, re.compile(words, re.I)) for intent, words in _INTENTS.items()]
_SEARCHES = dict(_INTENT_RULES)[Intent.SEARCH]
_UNSUPPORTED = {
    "the weather": (
        r"weather|forecast|temperatures?|raining|sunny|umbrella|how (?:hot|cold|warm|humid)"
        r"|(?:is|will) it (?:be |going to be |going to )?(?:\w+ )?"
        r"(?:cold|hot|warm|rain|snow|humid|freezing|windy|cloudy)"
    ),
    "hotels": r"hotels?|hostels?|accommodation|airbnb|places? to stay|rooms?|apartments?|b&b|resorts?|villas?",
    "rental cars and taxis": (
        r"(?:rental|hire) cars?|car (?:rental|hire)s?|rent a car|taxis?|uber|limo(?:usine)?s?|shuttles?"
        r"|ground transport\w*"
    ),
    "questions about places": (
        r"worth (?:visiting|a visit|seeing|a trip)|capital(?: city)? of|population|currency|time ?zone|what time is it"
        r"|best (?:time|month|season)s? (?:to (?:visit|go|travel|see)|of (?:the )?year|for (?:visit|travel)\w*)"
        r"|(?:should (?:i|we)|what to) pack|(?:known|famous) for|translate|how do you say|is it (?:safe|dangerous) to"
    ),
    "terminals and gates": r"(?:which|what) (?:terminal|gate)s?",
    "reaching a person": (
        r"(?:speak|talk|connect me|transfer me) (?:to|with) (?:an? )?(?:real |live )?(?:human|person|agent"
        r"|representative|operator|somebody|someone)|(?:phone|telephone|contact) number|customer (?:service|support)"
    ),
    "distances": r"how far|distance|(?:which|what) airports? (?:is|are) (?:the )?(?:closest|nearest)",
    "trains, buses and ferries": r"trains?|bus(?:es)?|ferr(?:y|ies)|cruises?",
    "visas and entry rules": r"visas?|passports?|entry (?:rules|requirements)|vaccin\w+",
    "restaurants and sights": r"restaurants?|sightseeing|museums?|things to do|attractions?",
    "insurance": r"insurance",
    "changing or cancelling bookings": (
        r"(?:cancel|change|refund|move|reschedule|rebook|postpone) my (?:booking|flight|ticket|reservation)"
        r"|to cancel (?:it|this|that)"
        r"|check(?:ing)? ?-? ?in(?= (?:for|to|online"
        r"|on|at))|online check ?-? ?in|boarding pass"
    ),
    "flight status": r"flight status|delayed",
    "alarms and reminders": r"reminders?|remind me (?:to|about|that|at|in|on|of my)|alarms?|snooze|wake me(?: up)?",
}
_UNSUPPORTED_RULES = [(topic, re.compile(rf"\b(?:{words})\b", re.I)) for topic, words in _UNSUPPORTED.items()]
_BY_LAND = re.compile(r",[^,.;!?|]*\b(?:we|i)\b[^,.;!?|]*\b(?:by (?:train|bus|ferry|car|taxi)|drive)\b[^,.;!?|]*", re.I)
_FLIGHT_WORDS = re.compile(r"\b(?:flights?|fly|flying|airfares?|plane)\b", re.I)
_ROUND_TRIP = re.compile(
    r"\b(?:round[ -]?(?:trip(?:per)?|way|tickets?|journey|flights?)s?|(?:a|with) return(?: (?:ticket|flight|trip))?"
    r"|return (?:tickets?|trips?|fares?|journey)|return flights?(?= to)|two[ -]way"
    r"|there and back|and back(?=[,.;!?]|$)|both ways|back and forth)\b",
    re.I,
)
_ONE_WAY = re.compile(
    r"\b(?:one[ -]?way|oneway|no return|without (?:a )?return|single ticket"
    r"|(?:drop|skip|remove|forget) (?:the |my )?(?:return|way back)(?: (?:flight|leg|trip))?)\b",
    re.I,
)


_NOT_WITH = {ErrandKind.QUESTION: {Intent.SEARCH}, ErrandKind.MORE: set[Intent]()}


def understand(
    message: str, today: date | None = None, tools: frozenset[str] = frozenset(), *, in_sight: bool = False
) -> Understanding:
    """What the message says by itself; never raises, whatever the text.

    ``today`` turns date words into ISO dates; without it they are passed on as words. An errand is understood only
    where one of the ``tools`` does it. ``in_sight``: flights were found that the message may be about.
    """
    if HOLD in tools and (named := named_offer(message)) is not None:
        return Understanding(errand=Errand(ErrandKind.HOLD, Which("id", name=named)))
    rest = Remainder(settled(plainly(tidy(message))))
    errand = read_errand(rest, tools) or (read_question(rest) if in_sight else None)
    more = read_joining(rest) if in_sight else 0
    said = replace(_understand(rest, today), joining=more)
    if errand is None:
        return said
    said = replace(said, errand=errand, intents=said.intents - _NOT_WITH.get(errand.kind, {Intent.BOOK}))
    return _watching(said) if errand.kind is ErrandKind.WATCH else said


def _watching(said: Understanding) -> Understanding:
    """The price of a watch is its limit, not a filter of the next search."""
    assert said.errand  # noqa: S101 - the one caller has looked
    limit = said.errand.limit or said.frame.max_price
    frame = replace(said.frame, max_price=None, sort=None)
    searching = {Intent.SEARCH} if frame.destination is None else set()
    return replace(said, errand=replace(said.errand, limit=limit), frame=frame, intents=said.intents - searching)


def _understand(rest: Remainder, today: date | None) -> Understanding:
    rest.take(_BY_LAND)
    text = rest.text
    intents = frozenset(intent for intent, pattern in _INTENT_RULES if pattern.search(text))
    unsupported = tuple(topic for topic, pattern in _UNSUPPORTED_RULES if pattern.search(text))
    recall, forget, remember = read_questions(rest), read_forget(rest), read_facts(rest)
    told = leave_out_tales(rest)
    if told and not _SEARCHES.search(rest.text):
        intents -= {Intent.SEARCH}
    if read_rules(rest):
        unsupported += (RULES,)
        intents -= {Intent.SEARCH} if not _SEARCHES.search(rest.text) else set()
    base = Understanding(intents, recall=recall, forget=forget, remember=remember, unsupported=unsupported, told=told)
    if unsupported and not _FLIGHT_WORDS.search(text) and not _leave_out(rest):
        return replace(base, intents=intents - {Intent.SEARCH, Intent.BOOK})
    said = _with_trip(rest, today, base)
    if unsupported and not said.changes_trip:
        return replace(said, intents=intents - {Intent.SEARCH})
    return said


def _leave_out(rest: Remainder) -> bool:
    """Cut the sentences about what is not done here; True where another one names a journey."""
    apart = [
        found for found in SENTENCE.finditer(rest.text) if any(p.search(found.group()) for _, p in _UNSUPPORTED_RULES)
    ]
    rest.cut_all(apart)
    route = read_route(rest.text)
    return bool(route.origin or route.destination)


def _with_trip(rest: Remainder, today: date | None, base: Understanding) -> Understanding:
    """``base`` with all that the rest of the sentence says about a trip."""
    one_way = rest.take(_ONE_WAY)
    round_trip = rest.take(_ROUND_TRIP)
    airline, any_airline = read_airline(rest)
    wishes = read_wishes(rest)
    when = read_dates(rest, today)
    filters, cleared = read_filters(rest)
    route = read_route(rest.text)
    dropped = ({"return_date"} if one_way else set()) | ({"airline"} if any_airline and not airline else set())
    frame = Frame(origin=route.origin, destination=route.destination, departure_date=when.out, return_date=when.back)
    return replace(
        base,
        frame=replace(frame, airline=airline).updated(filters),
        cleared=cleared | dropped,
        loose_place=route.loose,
        loose_date=when.loose,
        shift=when.shift,
        stay_days=when.stay_days,
        round_trip=bool(round_trip and not one_way),
        unsupported=base.unsupported + wishes,
    )
