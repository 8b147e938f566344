"""A message in plain words: without fillers, with shorthand, spelled numbers and mistakes written out."""

from __future__ import annotations

import re
from functools import lru_cache

from travelbuddy.offline.spelling import corrected_word, distance
from travelbuddy.offline.text import MONTH

_SHORTHAND = {
    **dict.fromkeys(("tmrw", "tmr", "tmw", "tmrow", "2morrow", "2moro", "tomoro", "tomoz", "tommorow"), "tomorrow"),
    **dict.fromkeys(("pls", "plz", "plse"), "please"),
    **dict.fromkeys(("nxt", "nex"), "next"),
    **dict.fromkeys(("wknd", "wkend"), "weekend"),
    **dict.fromkeys(("biz", "buisness", "bussiness"), "business"),
    **dict.fromkeys(("frm", "fro", "frmo"), "from"),
    **dict.fromkeys(("flite", "flihgt", "fligth", "fliht"), "flight"),
    **dict.fromkeys(("flites", "flihgts", "fligths"), "flights"),
    **dict.fromkeys(("ppl", "peple", "pepole"), "people"),
    **dict.fromkeys(("mon",), "monday"),
    **dict.fromkeys(("tue", "tues", "tusday"), "tuesday"),
    **dict.fromkeys(("wed", "weds", "wensday", "wendsday", "wednsday", "wenesday"), "wednesday"),
    **dict.fromkeys(("thu", "thur", "thurs", "thrusday", "thrs"), "thursday"),
    **dict.fromkeys(("fri", "firday"), "friday"),
    **dict.fromkeys(("rtn", "retrun", "retun"), "return"),
    **dict.fromkeys(("cheapst", "chepest", "cheepest"), "cheapest"),
    "ret": "returning",
    "dep": "departing",
    "arr": "arriving",
    **dict.fromkeys(("ronud", "ruond", "rond", "roudn"), "round"),
    "n": "and",
    "tix": "tickets",
    "tkt": "ticket",
    "pref": "preferred",
    "prem": "premium",
    "econ": "economy",
    "ba": "British Airways",
    "rt": "round trip",
    "ow": "one way",
    "abt": "about",
    "thru": "through",
    "u": "you",
    "wanna": "want to",
    "gotta": "have to",
    "gonna": "going to",
    "lemme": "let me",
    "outta": "out of",
    "mrach": "march",
    "tow": "two",
    "elese": "else",
    "dir": "direct",
    **dict.fromkeys(("adt", "adts"), "adults"),
    **dict.fromkeys(("chd", "chds"), "children"),
    **dict.fromkeys(("flt", "flts"), "flights"),
    **dict.fromkeys(("aprl", "apirl"), "april"),
    **dict.fromkeys(("teh", "hte"), "the"),
    **dict.fromkeys(("wek", "weke", "weak"), "week"),
    **dict.fromkeys(("adlt", "adut", "aduls"), "adult"),
    "childs": "children",
    "bk": "back",
    "gf": "girlfriend",
    "bf": "boyfriend",
    **dict.fromkeys(("bakc", "abck"), "back"),
}
_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_ORDINALS = {
    word: number
    for number, word in enumerate(
        (
            *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
            *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth"),
            *("eighteenth", "nineteenth", "twentieth"),
        ),
        start=1,
    )
} | {"thirtieth": 30}
_SPELLED = rf"(?:(?P<tens>twenty|thirty)[ -])?(?P<ones>{'|'.join(_ORDINALS)})\b"
_ORDINAL = re.compile(
    rf"(?P<before>\b(?:{MONTH}) (?:the )?)?\b{_SPELLED}(?P<after> (?:of|day of) (?:{MONTH}|this|next))?", re.I
)
_RANKED_DAY = re.compile(r"(?P<before>day,? the )(?P<ones>first|second|third)(?= ?(?:$|[,.;!?])| (?:of|and)\b)", re.I)
_MONTH_NUMBER = re.compile(
    rf"\b(?P<month>{MONTH}) (?:the )?(?P<tens>twenty|thirty)[ -]?(?P<ones>{'|'.join(_ONES[:9])})?\b", re.I
)
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_VALUES = _TENS | {word: value for value, word in enumerate((*_ONES, *_TEENS), start=1)}
_CARDINAL = re.compile(
    rf"\b(?:(?:twenty|thirty)(?:[ -](?:{'|'.join(_ONES[:9])}))?|{'|'.join((*_ONES, *_TEENS))})"
    rf"(?= (?:day )?of (?:{MONTH}))",
    re.I,
)
_SHORT_MONTHS = ("march", "april", "june", "july")  # the others are spelled right by the dictionary of longer words
_NO_MONTH = {"match", "marsh", "arch", "larch", "mach", "tune", "dune", "jane", "jury", "duly"}
_NEAR_MONTH = re.compile(
    r"\b(?:(?:(?<=\d )|(?<=\d(?:st|nd|rd|th) )|(?<=(?:st|nd|rd|th) of ))[a-z]{4,6}\b"
    r"|[a-z]{4,6}(?= \d{1,2}(?:st|nd|rd|th)\b))",
    re.I,
)
_RANKING = {"first", "second", "third"}  # "the first one", "first class", "a second"
_HUNDREDS = re.compile(
    rf"\b(?P<count>an?|{'|'.join(_ONES)}) (?P<unit>hundred|thousand|grand)"
    rf"(?: (?:and )?(?P<tens>{'|'.join(_TENS)}))?\b",
    re.I,
)
_FILLER = re.compile(
    r"(?:^|(?<=[ ,.]))(?:u+[hm]+|e+rm?|a+h+|hm+|mm+|like(?= (?:um|uh)))(?:[,.]+(?= ))?(?= |$|,|\.)", re.I
)
_TWICE = re.compile(r"\b(\w+)((?: |, )\1\b)+", re.I)
_WORD = re.compile(r"[^\W\d_]+|\d[^\W_]+")
_X = r"(?P<x>[^\W\d_]+(?: [A-Z]\w+)?)"
_WE = r"(?:i|we)(?:'d|'ll|'m|'re)? (?:(?:would|will|am|are|want to|need to|have to|should) )?(?:be )?"
_WEEKDAY = r"(?P<day>(?:mon|tues|wednes|thurs|fri|satur|sun)day|thurs?|tues?|wed|fri|mon)"
_OPEN_JAW = re.compile(
    r"\b(?P<to>(?:in(?:to)?|to) (?P<in>[A-Z]\w+(?: [A-Z]\w+)?)(?: (?:on|at|in|the|next|this) [^.,;!?]{2,24}?)?),?"
    r" (?:and|but) (?:then )?"
    r"(?:(?:fly|come|go|leave|depart|head)(?:ing)? )?"
    r"(?:(?:back |home )?out of|(?:back|home|return|returning) from) (?P<out>[A-Z]\w+(?: [A-Z]\w+)?)"
    r"(?P<when>(?= (?:on|the|next|this|in) ))?"
)
_REWRITTEN = (
    (re.compile(r"\b(St|Ft|Mt)\. (?=[A-Z])"), r"\1 "),
    (_OPEN_JAW, lambda found: f"{found['to']}{_back_from(found)}"),
    (
        re.compile(
            r"\b(?:sat|sun)(?= (?:not|instead of|rather than|or) )|(?<=\bnot )(?:sat|sun)\b|^(?:sat|sun)(?=[ ,.!?]*$)",
            re.I,
        ),
        lambda found: {"sat": "saturday", "sun": "sunday"}[found.group().lower()],
    ),
    (
        re.compile(
            r"(?P<fly>\b(?:flights?|fly|leave|leaving|travel|tickets?)\b[^.?!]{0,30}?)\b(?:asap|as soon as possible)\b",
            re.I,
        ),
        r"\g<fly>today",
    ),
    (
        re.compile(
            rf"\bnot this {_WEEKDAY},? (?:but |rather )?the (?:one|week|next one|following one)(?: after)?(?: that)?",
            re.I,
        ),
        r"a week from \g<day>",
    ),
    (re.compile(rf"\b{_WEEKDAY} in (?P<n>a|one|two|three|2|3) weeks?\b", re.I), r"\g<n> weeks from \g<day>"),
    (re.compile(r"\b(\d)(?=(?:adt|chd|inf|pax)s?\b)", re.I), r"\1 "),
    (re.compile(r",? terminal \w\b", re.I), ""),
    (re.compile(r"\btwo thousand (?:and )?(ten|(?:nine|eigh|seven|six|fif|four|thir)teen|twenty)\b", re.I), ""),
    (re.compile(r"\b(?<=i )got to\b|(?<='ve )got to\b", re.I), "have to"),
    (re.compile(r"\bw/ ?(?=[a-z])", re.I), "with "),
    (re.compile(r"\b[ro]/[tw]\b", re.I), lambda found: "round trip" if found.group().lower() == "r/t" else "one way"),
    (re.compile(r"\bform (?=[A-Z])|\bform (?=\w+ to \w)"), "from "),
    (re.compile(r"(?<=\w) too (?=[A-Z])"), " to "),
    (
        re.compile(
            r"\b(?P<x>[^\W\d_]+(?: [A-Z]\w+)?) is where (?:i|we)(?:'m|'re| am| are)? ?"
            r"(?:live|start|now|currently|am)\b",
            re.I,
        ),
        r"from \g<x>",
    ),
    (
        re.compile(
            r"\b(?P<x>[^\W\d_]+(?: [A-Z]\w+)?) is where (?:i|we)(?:'m|'re|'d)?(?: am| are)? (?:want|need|would|going"
            r"|like|headed|heading)\b",
            re.I,
        ),
        r"to \g<x>,",
    ),
    (
        re.compile(rf"\bit(?:'s| is) {_X}(?: that)? {_WE}(?:leave|start|depart|fly)(?:ing)? (?:from|out of)\b", re.I),
        r"from \g<x>,",
    ),
    (
        re.compile(rf"\bit(?:'s| is) {_X}(?: that)? {_WE}(?:fly|go|travel|get|land)(?:ing)? (?:in)?to\b", re.I),
        r"to \g<x>,",
    ),
)


def plainly(text: str) -> str:
    """The text in plain words; what is no shorthand, filler or mistake stays as it is."""
    plain = _TWICE.sub(r"\1", " ".join(_FILLER.sub(" ", text).split()))
    for pattern, instead in _REWRITTEN:
        plain = pattern.sub(instead, plain)
    plain = _WORD.sub(lambda found: _spelled(found.group()), plain)
    plain = _NEAR_MONTH.sub(lambda found: _near_month(found.group()), plain)
    plain = _CARDINAL.sub(_cardinal, plain)
    plain = _RANKED_DAY.sub(lambda found: f"{found['before']}{_digits(_ORDINALS[found['ones'].lower()])}", plain)
    plain = _ORDINAL.sub(_ordinal, plain)
    plain = _MONTH_NUMBER.sub(
        lambda found: f"{found['month']} {_TENS[found['tens'].lower()] + _one(found['ones'])}", plain
    )
    return _HUNDREDS.sub(_number, plain)


def _back_from(found: re.Match[str]) -> str:
    """The way back, from where the journey ends or from elsewhere."""
    elsewhere = "" if found["in"] == found["out"] else " open jaw"
    return f"{elsewhere}{' returning' if found['when'] is not None else '' if elsewhere else ' and back'}"


def _spelled(word: str) -> str:
    return _SHORTHAND.get(word.lower()) or corrected_word(word) or word


@lru_cache(maxsize=4_096)
def _near_month(word: str) -> str:
    low = word.lower()
    near = [month for month in _SHORT_MONTHS if distance(low, month) == 1] if low not in _NO_MONTH else []
    return near[0] if len(near) == 1 and low not in _SHORT_MONTHS else word


def _cardinal(found: re.Match[str]) -> str:
    return str(sum(_VALUES[word] for word in re.split("[ -]", found.group().lower())))


def _ordinal(found: re.Match[str]) -> str:
    """A spelled day of the month in digits; "first" and such only beside a month."""
    ones = found["ones"].lower()
    beside = found["before"] or found["after"]
    if (ones in _RANKING and not found["tens"] and not beside) or (found["tens"] and _ORDINALS[ones] > 9):
        return found.group()
    number = _ORDINALS[ones] + _TENS.get((found["tens"] or "").lower(), 0)
    return f"{found['before'] or ''}{_digits(number)}{found['after'] or ''}"


def _digits(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number not in {11, 12, 13} else "th"
    return f"{number}{ending}"


def _number(found: re.Match[str]) -> str:
    count = 1 if found["count"].lower() in {"a", "an"} else _ONES.index(found["count"].lower()) + 1
    return str(
        count * (100 if found["unit"].lower() == "hundred" else 1000) + _TENS.get((found["tens"] or "").lower(), 0)
    )


def _one(word: str | None) -> int:
    return _ONES.index(word.lower()) + 1 if word else 0
