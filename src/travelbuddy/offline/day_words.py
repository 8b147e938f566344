"""The words that name a day, as regular expressions."""

from __future__ import annotations

import re

from travelbuddy.domain.holidays import HOLIDAY
from travelbuddy.offline.text import MONTH, NUMBER

_DAY = r"(?:mon|tues?|wednes|thurs?|fri|satur|sun)day"
_SHORT_DAY = r"(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)"
_WEEKEND_DAY = r"(?:sat|sun)"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)"
_NOT_A_DAY = r"(?! (?:one|option|flight|offer|class|result|choice|person|passenger|time)\b)"
_YEAR = r"(?:,? \d{4}\b)?"
_ENDS = r"(?= ?(?:$|[,.;!?|)](?!\d)| (?:and|for|from|to|with|at|but|so|please|then|until|till|back|coming|home)\b))"
"""Nothing follows that would make something else of a number or of "the Sunday after"."""

RANGE = re.compile(
    rf"\b(?:(?P<m1>{MONTH}) (?P<a1>\d{{1,2}})(?:st|nd|rd|th)? ?(?:-|to|until|till?|through) ?(?:the )?"
    rf"(?P<b1>\d{{1,2}})(?:st|nd|rd|th)?\b(?! ?(?:{MONTH}|of\b))"
    rf"|(?P<a2>\d{{1,2}})(?:st|nd|rd|th)? ?(?:-|to|until|till?|through) ?(?:the )?"
    rf"(?P<b2>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m2>{MONTH}))",
    re.I,
)
_PLAIN = (
    rf"(?:\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?|\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}})?"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?: (?:day )?of)?[ -]?{MONTH}{_YEAR}"
    rf"|{MONTH} (?:the )?\d{{1,2}}(?:st|nd|rd|th)?\b{_YEAR}"
    rf"|{_ORDINAL}(?: of (?:this|next) month| (?:this|next) month)?\b{_NOT_A_DAY})"
)
_NO_WISH = "".join(f"(?<!{wish} )" for wish in ("happy", "merry", "nice", "great", "lovely", "wonderful"))
_FEAST = (
    rf"{_NO_WISH}{HOLIDAY}(?: weekend)?\b"
    rf"(?! (?:islands?|markets?|shopping|part(?:y|ies)|presents?|resolutions?)\b){_YEAR}"
)
_RANKED = (
    rf"(?:first|second|third|fourth|fifth|last|[1-5](?:st|nd|rd|th)) (?:{_DAY}|weekend|day) (?:in|of) "
    rf"(?:(?:the|this|next) month\b|{MONTH}{_YEAR})"
)
_RANKED_ALONE = rf"(?:first|second|third|fourth|[1-4](?:st|nd|rd|th)) (?:{_DAY}|weekend)"
_WAY = r"(?:right |straight |just )?(?:before|after|earlier than|later than)"
TO_A_DATE = rf"{_WAY} (?:the )?(?:{_FEAST}|{_PLAIN})"
_TIED = (
    rf"(?:(?:(?:{NUMBER} )?(?:day|week|fortnight)s?|weekend|{_DAY}) {TO_A_DATE}|following (?:{_DAY}|weekend)\b"
    rf"|(?<=the )(?:{_DAY}|weekend) (?:(?:straight|right|just|immediately|directly) )?(?:after|before)"
    rf"(?: (?:that|then|it)\b|{_ENDS}))"
)
_PART_OF = (
    r"(?:(?:in|at|by|around|during) )?(?:the )?(?:(?:very )?(?:(?:first|second|third|fourth|last|1st|2nd|3rd|4th) "
    r"(?:week|half|days|part|two weeks|few days)|beginning|start|middle|end|early part) of "
    r"|(?:early|mid|late|middle)[ -]+)"
)
_LEADING = "|".join(
    rf"(?<=\b{word} the )" for word in ("on", "by", "out", "back", "home", "leave", "leaving", "return", "returning")
)
_BARE_NUMBER = rf"(?:{_LEADING})(?:[12]\d|3[01]|[1-9]){_ENDS}"
DATE = re.compile(
    rf"\b(?:{_RANKED}|{_TIED}|{_FEAST}|(?:{_DAY},? (?:the )?|{_WEEKEND_DAY}\.?,? (?:the )?)?{_PLAIN}|{_BARE_NUMBER}"
    rf"|{NUMBER} (?:day|week|fortnight)s? (?:from|on) (?:this |next )?{_DAY}\b"
    rf"|{NUMBER} (?:week|fortnight)s? (?:today|tomorrow)\b"
    rf"|{_DAY} (?:week|fortnight)\b(?! (?:of|long))"
    rf"|(?:(?:this|next|coming|last) )?{_DAY}\b(?: (?:of )?(?:this|next) week)?|next week (?:on )?{_DAY}\b"
    rf"|(?:this|next|coming|on) {_SHORT_DAY}\b|(?:(?<=out )|(?<=back )|(?<=leaving )|(?<=returning )|(?<=, )|(?<=- )"
    rf"|(?<=to )){_WEEKEND_DAY}\b|(?:the )?day after tomorrow|tomorrow|today|tonight|(?:this|next) weekend"
    r"|(?:(?<=for )|(?<=over )|(?<=on )|(?<=at ))the weekend(?! (?:after|before|of|in)\b)"
    rf"|same (?:day|morning|afternoon|evening|night)\b"
    rf"|{_PART_OF}{MONTH}{_YEAR}|{_RANKED_ALONE}\b(?! (?:in|of)\b)"
    rf"|in {NUMBER} (?:day|week|month|fortnight)s?\b|{NUMBER} (?:day|week|month|fortnight)s? from (?:now|today"
    rf"|tomorrow)|next (?:week|month)\b|(?:the )?end of (?:the |this |next )?month"
    rf"|(?:both |all )?(?:in|(?<=both )of|(?<=all )of) (?:(?:early|late|mid)[ -]+)?{MONTH}{_YEAR})",
    re.I,
)
SAME_DAY = re.compile(r"same \w+", re.I)
VAGUE = re.compile(
    r"(?:this|next) (?:week(?:end)?|month)|(?:the )?end of .*|(?:both |all )?(?:in|of) (?:early|mid|late)?.*", re.I
)
NAMES_A_MONTH = re.compile(rf"(?<![a-z]){MONTH}|\d[/.-]\d|{_FEAST}", re.I)
OCCASION = re.compile(rf"(?!\d|fourth){_FEAST}", re.I)
"""A holiday by its own name; the 4th of July is a day of the month like others."""
A_WEEKDAY = re.compile(rf"\b{_DAY}\b", re.I)
A_WEEKDAY_THIS_WEEK = re.compile(rf"({_DAY}) (?:of )?this week", re.I)
RANKED_ALONE = re.compile(_RANKED_ALONE, re.I)
"""One that needs a month, of which it is: "the second weekend"."""
PART_OF_A_MONTH = re.compile(rf"{_PART_OF}(?P<month>{MONTH}{_YEAR})", re.I)
IN_A_MONTH = re.compile(rf"(?:both |all )?(?:in|of) (?:\w+[ -]+)?(?P<month>{MONTH}{_YEAR})", re.I)
