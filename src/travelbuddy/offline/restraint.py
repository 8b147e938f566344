"""Sentences that tell something without asking for a flight: of the past, of other people, of what is not wanted."""

from __future__ import annotations

import re

from travelbuddy.offline.text import Remainder

SENTENCE = re.compile(r"[^.!?;|]*(?:[.!?;|]+|$)")
_WISH = re.compile(
    r"\?|\b(?:wants?|needs?|like to|love to|'d like|would like|looking|look for|find|search|show|book|get me|help"
    r"|please"
    r"|can you (?!believe|imagine)|could you|wonder(?:ing)?|whether|options?|plan(?:ning)? to|hoping to|i'll|we'll"
    r"|i will|we will|let's|how much|this time|meant|check|kindly|again|try"
    r"|so (?:it|we|i|that|there|make|please|do|now|could|can)"
    r"|actually)\b",
    re.I,
)
_MAYBE_A_WISH = re.compile(
    r"\bgoing to|have to|must|leav(?:e|ing) (?:on|tomorrow|next|this)|cheapest|tickets? (?:from|to)|available"
    r"|(?<!my )flights? (?:from|to|leaving|departing|into|out)\b",
    re.I,
)
_PART = re.compile(r"[^.!?;:|]+[.!?;:|]*(?:\d[^.!?;:|]*[.!?;:|]*)*")
_GONE_BY = re.compile(
    r"\b(?:ago|yesterday|last (?:year|month|week|summer|winter|time|night)|late|delayed|lost|dreadful|terrible|horrible"
    r"|awful|lovely|fell through|used to|never (?:took|used|flew))\b",
    re.I,
)
_LONG_AGO = re.compile(r"\bback in \d{4}\b|\b(?:years?|months?|weeks?|days?) ago\b|\bcost me\b|\bwas delayed\b", re.I)
_PAST = re.compile(
    r"\b(?<!if )(?:i|we|he|she|they|it|you|my (?!budget)[\w ]{1,60}?|our [\w ]{1,20}?)(?:'ve|'d)? "
    r"(?:once |just |already |recently |also )?"
    r"(?:flew|went|(?:was|were)(?! (?:just )?(?:\w+ing|told|asked)\b)|had|visited|took|came|got(?! to)|missed|landed"
    r"|arrived|travell?ed|have been|has been|been|saw|spent|enjoyed|booked|bought|paid|used to|lost|fell|moved|never"
    r"|grew up)\b"
    r"|\bback in \d{4}\b|\b(?:years?|months?|weeks?|days?) ago\b|\byesterday\b|\blast (?:year|month|week|summer"
    r"|winter|time)\b",
    re.I,
)
_OF_OTHERS = re.compile(
    r"^(?:so |and |but |well |oh |hey )*my (?:\w+ )?(?:cousin|friend|sister|brother|mother|mom|mum|father|dad|boss"
    r"|neighbou?r|colleague|aunt|uncle|son|daughter|husband|wife|parents|kids|roommate|flatmate|buddy) "
    r"(?:is|are|was|were|has|have|just|lives?|moved|works?|keeps?|always)\b",
    re.I,
)
_HAS_ONE = re.compile(
    r"\b(?:i|we)(?: already)?(?:'ve| have)(?: already)? (?:got )?(?:(?:an?|my|our|the|two|2) )?(?:\w+ )??"
    r"(?:flights?|tickets?|reservation|booking)\b(?! (?:in mind|to find))"
    r"|\b(?:i|we) missed (?:my|our|the) (?:flight|connection|plane)\b",
    re.I,
)
_OF_FLYING = re.compile(
    r"\b(?:scared|afraid|terrified|nervous|anxious) (?:of|about) (?:fly|flying|planes?)\b|\bfear of flying\b"
    r"|\b(?:hate|dislike|love|enjoy) flying\b(?! (?:to|from|with|on)\b)",
    re.I,
)
_THANKS_FOR = re.compile(
    r"^\W*(?:many )?(?:thanks|thank you|thx|cheers)(?: so much| a lot| very much| again)* for\b", re.I
)
_WANTS = re.compile(
    r"\b(?:find|need|get me|book|buy|another|next|search|look|want|show|could you|can you|please)\b", re.I
)
_SOME_DAY = re.compile(
    r"\b(?:i|we)(?:'d| would)? (?:really )?(?:love|like|dream|hope|wish|want)\b[^.!?;]*\b(?:one day|some ?day)\b", re.I
)
_NOT_WANTED = re.compile(
    r"\b(?:don't|do not|didn't|won't|no longer|not) (?:really |actually |even )?(?:need|want|looking for|require"
    r"|searching for)"
    r"(?: to (?:fly|travel|book|search|go))?(?: an?y?| the| any more)?(?: \w+)? ?(?:flights?|tickets?|trips?|search"
    r"|anything|fly|travel|go)?\b(?= ?(?:$|[.,!;]|now|today|yet|right now|at the moment))",
    re.I,
)
_HEARSAY = re.compile(
    r"\bjust (?:looking around|browsing|curious|kidding|joking|saying|wanted to say)\b|\bhaha\b", re.I
)


_RULES = re.compile(
    r"\b(?:refund\w*|bags?|baggage|luggage|suitcases?|carry-?ons?|allowance|pets?|dogs?|cats?|pregnan\w+|documents?"
    r"|liquids?|names? on (?:my|the|a) tickets?|compensation|upgrades?|miles|loyalty|discounts?|allowed|safe|wi-?fi"
    r"|cancel\w*|identification|id card|stroller|wheelchair|legroom|baby|infant|unaccompanied|minor|\d+ (?:yr"
    r"|year)s? old|invoice|receipt|complain\w*|(?<!price )difference|owed|claim|(?:lost|left) (?:my|our|a)|how early"
    r"|breakfast|lunch|dinner|snacks?|meals?|food|included|kinds? of (?:planes?|aircraft)|choose (?:my|our|a) seats?"
    r"|on time|how long before|check-?in"
    r"|money back)\b",
    re.I,
)
_ASKS_WHETHER = re.compile(
    r"^(?:(?:and|so|also|but|hi|hello|hey|please|sorry|ok|okay),? )*(?:can|could|may|is|are|am|do|does|did|will|would"
    r"|how|what|which|should|if|when|where|who|why)\b",
    re.I,
)
_FOR_A_FLIGHT = re.compile(
    r"\b(?:(?<!my )(?<!international )(?<!on )flights? (?:from|to|for|on|out|between)|fly(?:ing)? (?:from|to|out)"
    r"|tickets? (?:from|to|for)|find|book me|search|show me|get me|look for)\b",
    re.I,
)
_OF_MINE = re.compile(  # of a flight that someone has already
    r"\bmy (?:flight|plane|connection)\b[^.?!]{0,60}\b(?:was|is|got|has been|been) (?:cancel|delay|late|on time)"
    r"|^(?:what time|when|where|how long|has|is|did|does|why|which gate)\b[^.?!]*\bmy (?:flight|plane|booking)\b"
    r"|\b(?:change|correct|fix|update) (?:the|my) name\b|\bflight [A-Z]{2} ?\d{2,4}\b[^.?!]*\b(?:on time|late|delayed)",
    re.I,
)
_TRAVELS = re.compile(r"^(?:i|we)(?:'m|'re| am| are| will be)? (?:flying|fly|travel\w*)\b", re.I)
_REMINDER = re.compile(r"\b(?:remind me (?:to|about|that|at|in|on|of my)|wake me|alarms?|reminders?)\b", re.I)
RULES = "questions about baggage, refunds and other rules of airlines"


def read_rules(rest: Remainder) -> bool:
    """Cut the questions about what airlines allow; True when there was one."""
    sentences = [(found, found.group().strip()) for found in SENTENCE.finditer(rest.text)]
    asked = [found for found, sentence in sentences if _is_rule(sentence)]
    if asked:  # "Can I bring my cat? I fly to Rome on Friday" is about that flight
        asked = [found for found, sentence in sentences if found in asked or _TRAVELS.match(sentence)]
    rest.cut_all(asked)
    return bool(asked)


def _is_rule(sentence: str) -> bool:
    if _OF_MINE.search(sentence):
        return True
    asks = (sentence.endswith("?") or _ASKS_WHETHER.match(sentence) is not None) and _RULES.search(sentence) is not None
    return asks and not _FOR_A_FLIGHT.search(sentence)


def leave_out_tales(rest: Remainder) -> bool:
    """Cut what only tells of something; True when there was some, or when it says that no flight is wanted.

    Where a sentence asks, the others may say where to: "My sister lives in Lisbon. Find me a flight." Then only what is
    told of times gone by is cut.
    """
    if rest.take(_NOT_WANTED) is not None or _HEARSAY.search(rest.text):
        return True
    reminders = [found for found in SENTENCE.finditer(rest.text) if _REMINDER.search(found.group())]
    rest.cut_all(reminders)
    wish = _wishes(rest.text)
    tales = [found for found in _PART.finditer(rest.text) if _is_tale(found.group(), beside_a_wish=wish)]
    rest.cut_all(tales)
    return bool(tales or reminders)


def _wishes(text: str) -> bool:
    return bool(_WISH.search(text) or (_MAYBE_A_WISH.search(text) and not _LONG_AGO.search(text)))


def _is_tale(part: str, *, beside_a_wish: bool) -> bool:
    if _SOME_DAY.search(part):
        return True
    if not _WANTS.search(part) and any(tale.search(part) for tale in (_HAS_ONE, _OF_FLYING, _THANKS_FOR)):
        return True
    gone_by = _GONE_BY.search(part) is not None
    wish = _WISH.search(part) if gone_by else _wishes(part)
    if wish or not (_PAST.search(part) or _OF_OTHERS.search(part.strip())):
        return False
    return gone_by or not beside_a_wish
