"""How many people travel.

A total that is said ("three of us", "a party of five", "2 tickets") counts before people who are named one by one:
"me, my wife and our two kids". Who is only mentioned ("my sister is getting married") does not travel.
"""

from __future__ import annotations

import re

from travelbuddy.offline.text import COUNT, Remainder, number

_MOST = 99
_LEAD_CHARS = 40
_SINGLE = (
    r"wife|husband|hubby|partner|spouse|girlfriend|boyfriend|fiancee?|friend|buddy|mate|pal|roommate|flatmate|housemate"
    r"|missus"
    r"|son|daughter|child|kid|baby|infant|toddler|newborn|mother|mom|mum|father|dad|brother|sister|sibling|cousin"
    r"|aunt|uncle|nephew|niece|grandma|grandmother|granny|grandpa|grandfather|colleague|co-?worker|boss|assistant"
    r"|neighbou?r|person|adult|senior|student|teacher|teenager|teen|boy|girl|guy|man|woman|lady|passenger|travell?er"
    r"|grown-?up"
    r"|guest|companion|member|individual|pupil|player|\w+[ -]year[ -]old|someone else|somebody else|grandchild"
    r"|grandkid|twin|lad|dude|lass|gent|lovebird|musician|singer|athlete"
    r"|human|employee|doctor|nurse|engineer|executive|fan|pilgrim"
)
_SEVERAL = (  # "two kids"; "2 adult" is read as well
    rf"(?:{_SINGLE})s|people|pax|men|women|ladies|buddies|children|babies|wives|folks|grandchildren|twin boys"
    rf"|twin girls"
)
_PERSON = re.compile(
    rf"\b(?:(?:(?:my|our|the|her|his) )?(?P<count>{COUNT}) (?!of |tickets? |seats? )(?:(?:more|other|young|small"
    rf"|little|senior|elderly|adult) )?(?:{_SEVERAL}|{_SINGLE})\b"
    rf"|(?:(?:my|our|his|her|the) )?(?P<pair>parents|grandparents|couple)\b"
    rf"|(?P<me>i|me|myself|her|him)\b(?!')"
    rf"|(?:a|an|another|one|my|our|his|her|the) (?:\w+ )??(?:{_SINGLE})\b(?!')"
    rf"|(?:someone|somebody) else\b|(?:grand(?:ma|pa)|mom|mum|dad|granny|girlfriend|boyfriend|wife|husband|hubby)\b)",
    re.I,
)
_JOINED = re.compile(r"^(?:,? ?(?:and|plus|with|n|&|\+)|,) ?$", re.I)
_LEAD = re.compile(r"\b(?:with|taking|bringing|accompanied by|joined by)(?: (?:both|all))? $", re.I)
_EVERYBODY = re.compile(r"\b(?:people|persons?|passengers?|travell?ers?|adults?|members?|individuals?|pax)$", re.I)
"""With "4 people" is meant how many there are in all; with "3 friends" how many come along."""
_CHILD = re.compile(r"\b(?:kid|child|baby|infant|toddler|newborn|son|daughter|\w+[ -]year[ -]old)$", re.I)
_JOINS = re.compile(
    rf"\b(?:(?:add|include|bring(?:ing)?|tak(?:e|ing) along)(?: along)? (?:my|our|an?|(?P<n>{COUNT}))"
    rf"(?: more| extra| other)?|(?:an?other|an extra|an additional|(?P<more>{COUNT}) (?:more|extra|additional)))"
    rf" (?:{_SEVERAL}|{_SINGLE})\b"
    rf"|\bmy (?:{_SINGLE}) (?:is|will be|wants to|would like to|has decided to)(?: now| also)? "
    r"(?:com(?:e|ing)|join(?:ing)?|fly(?:ing)?|travel(?:ling)?)(?: with)?(?: us| me)?(?: along| too| as well)?\b",
    re.I,
)
"""Who comes along beside those who were told before: "can we add my mother", "one more person"."""
_FOR = re.compile(r"\bfor(?: both)? $", re.I)
_FARE = (
    r"(?:business|first|premium|economy|coach|class|cabin|direct|non-?stop|cheap"
    r"|one way|return|refundable|round trip|flight|plane|air|airline)"
)
_NO_PEOPLE = r"(?! ?(?:[$%€£]|[:/.]?\d|(?:-|st\b|nd\b|rd\b|th\b)))"
_NO_UNITS = (
    r"(?! (?:stop|day|night|week|hour|month|minute|euro|dollar|pound|buck|way|bag|class|option|layover|change"
    r"|connection|flight|get|go|fly|be|come|leave|hundred|thousand|percent|pm|am|o'clock|suitcase|piece|check))"
)
_IN_THE_END = re.compile(  # "three of us, well, my brother comes too, so four"
    r"\b(?:so|make (?:it|that)) (?:now )?(?:(?:just|only|it's|that's|that makes|that is) )?"
    rf"(?P<so>{COUNT})\b(?= ?(?:$|[.,!;|])){_NO_PEOPLE}",
    re.I,
)
_TOTAL = re.compile(
    rf"\b(?:(?:party|group|family|team|band|crew|class|delegation) (?:of|has) (?P<party>{COUNT})\b"
    rf"|(?P<us>{COUNT}) ?(?:of us|of them|in (?:total|all)|pax)\b"
    rf"|(?P<tickets>{COUNT}) (?=(?:{_FARE}[ -]){{0,3}}(?:tickets?|seats?|fares|places|spots)\b)"
    rf"|(?P<fare>{COUNT})(?: ?x)? (?={_FARE}\b(?! (?:stop|flight|way)))(?!one way)"
    rf"|(?:passengers?|travell?ers?|people|pax|adults|tickets?|seats?|how many|persons?): ?(?P<field>{COUNT})\b"
    rf"|make (?:it|that) (?P<make>{COUNT})\b{_NO_UNITS}{_NO_PEOPLE}"
    rf"|\bx ?(?P<times>{COUNT})\b(?= ?(?:$|[.,!;|]|people|pax|please))"
    r"|(?P<both>(?:us|we) both|both of us|us two|we two|the two of us|the pair of us|(?:my|our) honeymoon)\b"
    rf"|(?:there (?:are|will be)|we are|we're|we'll be|we will be) (?:just |only "
    rf"|now )?(?P<are>{COUNT})\b{_NO_UNITS}{_NO_PEOPLE}"
    rf"|(?:for|need(?:ing)?|just) (?:the )?(?P<for>{COUNT})\b(?! (?:\w+ )?(?:people"
    rf"|{_SINGLE})s?\b){_NO_UNITS}{_NO_PEOPLE}"
    r"|(?P<alone>(?:just|only) (?:me|myself)\b|\balone\b|\bsolo\b|\bsingle (?:travell?er|passenger|person|adult)\b"
    r"|\bby myself\b|\bon my own\b|\b(?:tickets?|seat"
    r"|flight) for (?:me|myself)\b|\bfor myself\b|\bmyself only\b))",
    re.I,
)
_AMONG_THEM = re.compile(
    rf"\b{COUNT} of (?:them|whom|which)(?: (?:are|is|being|will be))? (?:\w+ )?(?:{_SEVERAL}|{_SINGLE}|under)\b", re.I
)


def read_people(rest: Remainder) -> int | None:
    """The number of travellers that the sentence tells, whose words are taken from it; None where it tells none."""
    rest.take_all(_AMONG_THEM)
    named = _named(rest)
    named = named if named is None or named < _MOST else None  # a crowd is no party
    total = rest.take(_IN_THE_END) or rest.take(_TOTAL)
    if total is None or (named and total.lastgroup in {"for", "alone"}):
        return named
    told = total.lastgroup or ""
    return {"alone": 1, "both": 2}.get(told) or min(number(total[told]), _MOST)


def read_joining(rest: Remainder) -> int:
    """How many more travel than before, whose words are taken; 0 where none are named."""
    found = rest.take(_JOINS)
    return 0 if found is None else min(number(found["n"] or found["more"] or "one"), _MOST)


def _named(rest: Remainder) -> int | None:
    """The people that are named one by one, or counted."""
    for group in _groups(rest.text):
        if count := _travelling(rest.text, group):
            rest.cut(group[0].start(), group[-1].end())
            return min(count, _MOST)
    return None


def _groups(text: str) -> list[list[re.Match[str]]]:
    """The people of each enumeration."""
    groups: list[list[re.Match[str]]] = []
    for found in _PERSON.finditer(text):
        between = text[groups[-1][-1].end() : found.start()] if groups else ""
        everybody = groups and _EVERYBODY.search(groups[-1][-1].group()) and not _CHILD.search(found.group())
        if between.strip() == "," and everybody and not found["count"]:
            continue  # "2 persons, my friend comes along" names one of the two
        if _JOINED.match(between) or (between == " " and (found["count"] or groups[-1][-1]["me"])):
            groups[-1].append(found)
        else:
            groups.append([found])
    return groups


def _travelling(text: str, group: list[re.Match[str]]) -> int:
    """How many of an enumeration travel, the one who writes included where they are; 0 for who is only mentioned."""
    total = sum(number(found["count"]) if found["count"] else 2 if found["pair"] else 1 for found in group)
    me, counted = any(found["me"] for found in group), any(found["count"] for found in group)
    before = text[max(0, group[0].start() - _LEAD_CHARS) : group[0].start()]
    if _LEAD.search(before):
        return total + (not me and not _EVERYBODY.search(group[-1].group()))
    if (me and len(group) > 1) or counted or _FOR.search(before):
        return 0 if me and len(group) == 1 else total
    couple = len(group) > 1 and any(found["pair"] for found in group)
    return total if len(group) > 2 or couple else 0
