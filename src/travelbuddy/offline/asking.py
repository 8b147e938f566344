"""What is asked about flights that were found already, and the wish to see others: neither is a new search."""

from __future__ import annotations

import re

from travelbuddy.offline.frame import Errand, ErrandKind, Which
from travelbuddy.offline.text import Remainder

_FIRST = (
    r"(?:(?:and|so|also|but|oh|ok|okay|well|alright|all right|great|good|nice|yes|no|thanks|thank you|sorry|please|hmm"
    r"|i see|i don't know|just|maybe),? )*"
)
_TELL = (
    r"(?:(?:can|could|would|will|do) (?:you|u) (?:please )?(?:tell|let|know|check|confirm|say|show|see|clarify)"
    r"(?: (?:me|us|know))*(?: please)?|(?:please )?(?:tell|let) (?:me|us)(?: know)?|may i (?:know|ask)"
    r"|i (?:forgot to ask|was wondering|wonder|wanna know|(?:want|need|(?:would|'d) (?:like|love)) to know)"
    r"|i'd (?:like|love) to know|any idea|(?:what|how) about)"
)
_WH = r"(?:(?:at|in|from|to|on|by|for|with) )?(?:what|which|when|where|how|who)(?:'s|'ll)?\b"
_IS_IT = (
    r"(?:is|are|was|were|does|do|did|will|would|can|could|has|have|am|isn't|doesn't|won't) "
    r"(?:it|this|that|the|my|our|these|those|they|there|i|we|you know)\b"
)
_QUESTION = re.compile(rf"^{_FIRST}(?:{_TELL}|{_WH}|{_IS_IT})", re.I)
_IS_IT_FROM = re.compile(rf"^{_FIRST}(?:is|was|are) (?:it|that|this|they|these) (?:from|out of|to|at|into) ", re.I)
_SAID_OF_IT = re.compile(rf"^{_FIRST}(?:it|this|that|the flight|they)(?:'s)?\b", re.I)
_IS_IT_ONE = re.compile(rf"^{_FIRST}(?:is|are|was) (?:it|this|that|these|they) (?:for |on |in |with )?an? ", re.I)
_OF_IT = re.compile(
    r"\b(?:(?:the|this|that|these|those|my|our|its|your)(?: \w+){0,3} (?:flights?|tickets?|seats?|plane|one|trip"
    r"|journey|itinerary|airline|airport|price|cost|fare|layover|stop|arrival|departure|option|offer|ones|duration)"
    r"|which airport|it|ti|they|this|that|i|we)\b|\bintermediate stops\b|\bare there\b|\b(?:arrival|departure|landing"
    r"|total)\b",
    re.I,
)
_TOPIC = re.compile(
    r"\b(?:arriv\w*|land(?:s|ing|ed)?|leav(?:e|es|ing)|depart(?:s|ing|ure|ures)?|take ?-?off|takes off|taking off"
    r"|get(?:s|ting)? (?:there|to|in|into)|reach(?:es)?|touch(?:es)? down|go(?:es|ing)? (?:to|from|into|out)"
    r"|fly(?:ing)? (?:to|from|into|out|in)|board(?:ing)?|airports?|terminals?|stops?|stopovers?|layovers?|connections?"
    r"|red ?-?[ey]{2,3}e?|overnight|redeyes?|non-?stop|direct|refund\w*|cancel\w*|change(?:able|d)|bags?|baggage"
    r"|luggage|carry-?ons?|prices?|priced|costs?|expensive|fares?|how much|airlines?|carriers?|class|seating|cabin"
    r"|seats?|duration|how long|time|times|date|day|same day|meals?|wi-?fi|aircraft|premium|economy|business"
    r"|passengers?|tickets?|out of)\b",
    re.I,
)
_OTHER_ONE = re.compile(
    r"\b(?:(?:an?|any|some|another|other|different|more|cheaper|earlier|later|next|else|first class) (?:\S+ ){0,3}"
    r"(?:flights?|tickets?|options?|ones?|itinerar\w+|way|seats?|airlines?|trips?)\b|(?:any|some)(?:thing|one)\b"
    r"|flights (?:to|from|out|for|on|with|in|leaving|departing|that)\b|else\b|if i\b|what if\b|instead\b"
    r"|(?:can|could|may|should) (?:we|i) (?:leave|fly|go|depart|travel|return|come back|arrive)\b|\b(?:day"
    r"|week)s? (?:later|earlier|sooner)\b|what about if\b"
    r"|do you (?:have|fly|offer)\b|you have\b|(?-i:[Dd]o(?:es)? [A-Z]\w+ (?:\w+ ){0,2}have)\b|from .{2,40} to [A-Z])",
    re.I,
)
_HOW_ABOUT = re.compile(r"\b(?:what|how) about\b", re.I)
_IN_ANOTHER_CABIN = re.compile(
    r"\b(?:would|how much|what)\b[^.?!]* (?:in|to|for|with) (?:premium economy|economy|business|first)(?: class)?\b",
    re.I,
)
_SENTENCE = re.compile(r"[^.?!;|]+[.?!;|]*")
_MORE = re.compile(
    r"\b(?:(?:other|another|different|more|alternative|additional|further|extra) (?:\S+ ){0,2}"
    r"(?:flights?|tickets?|options?|ones?|itinerar\w+|offers?|choices?|airlines?|alternatives?|possibilit\w+|results?"
    r"|selections?|suggestions?|schedules?|plans?|times?)|(?:any|some)(?:thing| ?one)? (?:else|other|different)"
    r"|(?:what|which|who) else|other(?:s| than that)\b|alternatives?|search (?:again|more)|try again"
    r"|(?:an)?other one|(?:any|some)(?:thing|one)? cheaper|cheaper (?:ones?|options?|flights?|tickets?)(?= ?(?:$"
    r"|[.?!,;|]))|more cheap)\b|^(?:any )?cheaper ?\?",
    re.I,
)
_ENOUGH = re.compile(r"\b(?:not|n't|nothing|no)\b[^.?!;]{0,24}\b(?:else|other|more)\b(?! (?:flights?|options?))", re.I)
_QUESTIONS, _A_FEW = 4, 3


def read_question(rest: Remainder) -> Errand | None:
    """A question about a flight that was found, whose words are taken from the text, or the wish to see others."""
    questions = [found for found in _SENTENCE.finditer(rest.text) if _is_about_it(found.group().strip())]
    rest.cut_all(questions[:_QUESTIONS])
    if questions:
        return Errand(ErrandKind.QUESTION, Which("it"))
    if rest.take(_ENOUGH):
        return None
    return Errand(ErrandKind.MORE) if rest.take(_MORE) else None


def _is_about_it(sentence: str) -> bool:
    if _IN_ANOTHER_CABIN.search(sentence):
        return False
    asks = _QUESTION.match(sentence) or (sentence.endswith("?") and _SAID_OF_IT.match(sentence))
    if _IS_IT_FROM.match(sentence):
        return True
    if asks and sentence.count(" ") < _A_FEW and _TOPIC.search(sentence) and not _OTHER_ONE.search(sentence):
        return True  # "which airline?"
    if not asks or (_OTHER_ONE.search(sentence) and not _IS_IT_ONE.match(sentence)):
        return False
    if _HOW_ABOUT.search(sentence) and not re.search(r"\b(?:bags?|baggage|luggage|refund\w*)\b", sentence, re.I):
        return False
    return bool(_OF_IT.search(sentence) and _TOPIC.search(sentence))
