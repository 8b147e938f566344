"""The facts a sentence states about the user."""

from __future__ import annotations

import re
from itertools import takewhile

from travelbuddy.offline.filters import cabin_in
from travelbuddy.offline.gazetteer import capitalized, is_place
from travelbuddy.offline.places import leading_place
from travelbuddy.offline.text import Remainder, labelled, words

KEYS = ("name", "home_airport", "cabin", "language", "preferred_style", "expertise_level", "seat", "diet", "airline")

_LANGUAGES = (
    r"arabic|chinese|czech|danish|dutch|english|finnish|french|german|greek|hebrew|hindi|hungarian|icelandic|indonesian"
    r"|italian|japanese|korean|norwegian|polish|portuguese|romanian|russian|spanish|swahili|swedish|thai|turkish"
    r"|ukrainian|vietnamese"
)

_NAME = re.compile(
    r"\b(?:my (?:first )?name is|my name's|call me|i go by) "
    r"([^\W\d_][\w'-]{0,40}(?: [^\W\d_][\w'-]{0,40}){0,2})",
    re.I,
)
_I_AM = re.compile(
    r"\b(?:[Ii] am|[Ii]'m|[Tt]his is|^(?:(?:[Hh]i|[Hh]ello"
    r"|[Hh]ey)[,.! ]{1,3})?[Ii]t's) ([A-Z][\w'-]{1,40}(?: [A-Z][\w'-]{1,40}){0,2})(?= ?(?:[.,!;|]|$|and\b))"
)
_NOT_A_NAME = words(
    "a an and the not what on in at is of or but with to for from it so back when later if please again taxi cab"
)
_HOME = re.compile(
    r"\b(?:(?:i|we) live (?:in|near|close to)|(?:i'm|i am|we're|we are) (?:living in|based (?:in|at)|from)"
    r"|i (?:have )?moved to|i've moved to"
    r"|my (?:home(?: ?town| city| airport| base)?|nearest airport|departure airport) is(?: (?:in|now))?) ",
    re.I,
)
_CABIN = re.compile(
    r"\b(?:i (?:always|usually|normally|generally|only|mostly) (?:fly|travel)|i(?:'d)? prefer|i like (?:to fly|flying)"
    r"|my (?:preferred|favou?rite|usual) (?:cabin|class|cabin class) is|remember (?:that )?i (?:fly|prefer|like))\b"
    r"([^|.!?,;]{0,40})",
    re.I,
)
_LANGUAGE = re.compile(
    r"\b(?:i speak|(?:answer|reply|respond|speak|talk|write)(?: (?:to|with) me)? in"
    rf"|my (?:preferred |native )?language is|i(?:'d)? prefer) (?P<language>{_LANGUAGES})\b",
    re.I,
)
_STYLES = {
    "concise": "brief|briefly|short|concise|concisely|terse|succinct",
    "detailed": "detailed|long|thorough|comprehensive",
}
_STYLE = re.compile(
    rf"\b(?:{labelled(_STYLES)} (?:answers?|repl(?:y|ies)|responses?|style|tone)"
    r"|(?:keep (?:it|things|answers)|be|(?:answer|reply)(?: (?:me|more))?) (?:very |more )?"
    rf"{labelled(_STYLES, 'too_')})\b",
    re.I,
)
_EXPERTISE = re.compile(
    r"\bi(?:'m| am) (?:a |an )?"
    r"(?:(?P<beginner>beginner|novice|first[ -]time (?:flyer|travell?er)|new to (?:this|flying))"
    r"|(?P<expert>expert|frequent (?:flyer|travell?er)|(?:seasoned|experienced) (?:flyer|travell?er)))\b",
    re.I,
)
_SEAT = re.compile(
    r"\b(?:i (?:always )?(?:prefer|like|want|take)|my (?:preferred )?seat is) (?:the |an? )?"
    r"(window|aisle|middle)\b(?: seats?)?",
    re.I,
)
_DIETS = (
    r"vegan|vegetarian|pescatarian|halal|kosher|gluten[ -]free|lactose[ -](?:free|intolerant)|dairy[ -]free|nut[ -]free"
)
_DIET = re.compile(
    rf"\b(?:i(?:'m| am) (?:an? )?|i (?:only )?eat (?:only )?|my diet is )({_DIETS})\b(?: (?:food|meals?))?",
    re.I,
)
_AIRLINE_NAME = r"([A-Z0-9]\w{1,30}(?: [A-Z]\w{1,30}){0,2})"
_AIRLINE = re.compile(
    rf"\b(?:[Mm]y (?:preferred |favou?rite |usual )airline is"
    rf"|[Ii] (?:prefer|like|love) (?:to fly|flying) (?:with |on )?) ?{_AIRLINE_NAME}"
)


def read_facts(rest: Remainder) -> dict[str, str]:
    """The facts the user states about themselves, by preference key, in the order of ``KEYS``.

    A preferred cabin stays in the text, because it may be meant for the flight at hand too.
    """
    facts = {
        "diet": _taken(rest, _DIET).lower(),
        "seat": _taken(rest, _SEAT).lower(),
        "language": _taken(rest, _LANGUAGE).capitalize(),
        "expertise_level": _label(rest, _EXPERTISE),
        "preferred_style": _label(rest, _STYLE),
        "home_airport": _read_home(rest),
        "cabin": _read_cabin(rest.text),
        "name": _read_name(rest),
        "airline": _read_airline(rest.text),
    }
    return {key: value for key in KEYS if (value := facts.get(key))}


def _label(rest: Remainder, pattern: re.Pattern[str]) -> str | None:
    found = rest.take(pattern)
    return (found.lastgroup or "").removeprefix("too_") if found else None


def _taken(rest: Remainder, pattern: re.Pattern[str]) -> str:
    found = rest.take(pattern)
    return str(found[1]) if found else ""


def _read_home(rest: Remainder) -> str | None:
    found = _HOME.search(rest.text)
    place, length = leading_place(rest.text[found.end() :]) if found else (None, 0)
    if found and place:
        rest.cut(found.start(), found.end() + length)
    return capitalized(place) if place and place.islower() else place


def _read_cabin(text: str) -> str | None:
    found = _CABIN.search(text)
    return cabin_in(found[1].replace("first", "first class")) if found else None


def _read_airline(text: str) -> str:
    """A preferred airline stays in the text, as a cabin does."""
    found = _AIRLINE.search(text)
    return found[1] if found else ""


def _read_name(rest: Remainder) -> str | None:
    found = _NAME.search(rest.text)
    if found:
        said = found[1].split()
        kept = [said[0], *_leading_capitals(said[1:])] if said[0][0].isupper() else said[:1]
    else:
        found = _I_AM.search(rest.text)
        kept = found[1].split() if found else []
    if not found or kept[0].lower() in _NOT_A_NAME:
        return None
    name = " ".join(kept)
    if found.re is _I_AM and (is_place(name, rank=2) or re.fullmatch(_LANGUAGES, kept[0], re.I)):
        return None  # "I'm Norwegian", "it's Rome"
    rest.cut(found.start(), found.start(1) + len(name))
    return name if name[0].isupper() else name.capitalize()


def _leading_capitals(said: list[str]) -> list[str]:
    return list(takewhile(lambda word: word[0].isupper(), said))
