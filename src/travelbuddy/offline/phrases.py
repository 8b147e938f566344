"""The offline model's wording of everything but flights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from travelbuddy.offline.gazetteer import described
from travelbuddy.offline.profile import KEYS
from travelbuddy.offline.questions import EVERYTHING

ASK = {
    "origin": "Where would you like to fly from?",
    "destination": "Where would you like to fly to?",
    "departure_date": "Which day would you like to leave?",
    "return_date": "When would you like to fly back?",
}
CAN_DO = (
    "I can search flights, for example “fly from Oslo to Rome next Friday, 2 people, business, direct, under 500”, "
    "change the search as you go (“and in business?”, “a day later”), and remember your name, home airport, "
    "cabin and other preferences."
)
CANNOT_BOOK = "I cannot book, reserve or sell tickets yet; I can only search and show you flights."
CAN_HOLD = (
    "I cannot sell tickets, but I can ask for a flight to be held: say which one, for example “hold the first one”. "
    "Nothing is held until you approve it."
)
WHICH_TO_HOLD = "Say which one I should ask to hold, for example “hold the first one”. Nothing is held yet."
EVERY_AIRLINE = "I look at every airline, also where you named one: a watch cannot be narrowed to it."
BELOW_WHICH_PRICE = "Below which price shall I tell you?"
NOTHING_FOUND_YET = "I have found no flights yet that you could choose from."
MORE_OFFERS = (
    "Those are all the flights that I found. Another day, more stops or another airport may bring others: "
    "say what I should change."
)
NOT_NOW = "I have no way to do that now."
UNREADABLE = "I got an answer that I cannot read, so I do not know what became of it."
ABOUT_SELF = (
    "I am TravelBuddy running on its offline model: a small set of rules, not a large language model. I understand "
    "plain requests for flights in English. To talk to a real model, set OPENAI_API_KEY (and, if you like, "
    "OPENAI_BASE_URL and OPENAI_MODEL) in the environment or in .env and restart."
)
NO_SEARCH_TOOL = "I have no flight search to use for this answer, so I cannot look up flights now."
THANKED = "You are welcome!"
FAREWELL = "Goodbye, and have a good trip!"
NOT_UNDERSTOOD = "I did not understand that."
ALREADY_SO = "That is what I searched for already. Say what I should change: a day, a place, the cabin, the people."
ONLY_ENGLISH = "I only understand English while I run on the offline model; places may be in any language."
WHERE_IS_HERE = "I do not know where that is. Name the city or airport, or say “my home airport is …”."
I_SEE = "I see."
FRESH_START = "Fine, we start over."
SEARCHABLE_NEXT = "You can change the date, places, passengers, cabin, stops, price or order of the search."

_FOR_THE_MODEL = re.compile(
    r"[;,.]? *ask (?:the user )?which one is meant\.?$| *Ask the user, then call again\.$", re.I
)
_NOUNS = {
    "name": "name",
    "home_airport": "home airport",
    "cabin": "preferred cabin",
    "language": "language",
    "preferred_style": "preferred style",
    "expertise_level": "expertise level",
    "seat": "preferred seat",
    "diet": "diet",
    "airline": "preferred airline",
}


_ASK_ALSO = {
    "origin": "where from",
    "destination": "where to",
    "departure_date": "which day you would like to leave",
    "return_date": "when you would like to fly back",
}


def ask(slots: Sequence[str]) -> str:
    """The question for what is missing, all of it at once."""
    if len(slots) == 1:
        return ASK[slots[0]]
    return f"To search I still need to know: {listed([_ASK_ALSO[slot] for slot in slots], 'and')}?"


def facts_in_words(facts: Mapping[str, str]) -> str:
    """The facts as clauses: your name is Ada and your home airport is Oslo."""
    return listed([f"your {_NOUNS.get(key, key)} is {_value(key, value)}" for key, value in facts.items()], "and")


def recall(keys: Iterable[str], facts: Mapping[str, str]) -> str:
    """What is known under each asked key, or that nothing is."""
    if tuple(keys) == (EVERYTHING,):
        known = {key: facts[key] for key in KEYS if key in facts}
        return f"I know that {facts_in_words(known)}." if known else "I do not know anything about you yet."
    sentences = [
        f"Your {_NOUNS[key]} is {_value(key, facts[key])}."
        if key in facts
        else f"You have not told me your {_NOUNS[key]} yet."
        for key in keys
    ]
    return " ".join(sentences)


def remembered(facts: Mapping[str, str], *, kept: bool) -> str:
    """That the facts were stored for good, or, when nothing stores them, only for this conversation."""
    if kept:
        return f"I will remember that {facts_in_words(facts)}."
    return f"I understand that {facts_in_words(facts)}, but I have nowhere to store it beyond this conversation."


def forgotten(keys: Sequence[str], *, done: bool) -> str:
    """That the preferences under ``keys`` are forgotten, or cannot be; no keys means there was nothing to forget."""
    if not keys:
        return "I have nothing to forget about you."
    nouns = listed([f"your {_NOUNS.get(key, key)}" for key in keys], "and")
    return f"I have forgotten {nouns}." if done else f"I cannot forget {nouns}: I have no way to change what is stored."


def refusal(topics: Sequence[str]) -> str:
    """An honest no to what the agent does not do."""
    return f"I cannot help with {listed(list(topics), 'or')}. I can search flights."


def which_offer(count: int) -> str:
    """The question which of the offers is meant."""
    return (
        f"Which of the {count} offers do you mean?" if count > 1 else "There is one offer. Do you mean “the first one”?"
    )


def search_problem(message: str, suggestions: Sequence[str], slot: str = "") -> str:
    """What a failed search needs from the user; ``slot`` is the argument that was wrong."""
    sentence = _FOR_THE_MODEL.sub("", message.strip()[:500]) or "The search did not work"
    sentence = sentence[0].upper() + sentence[1:]
    ending = "" if sentence.endswith((".", "?", "!")) else "."
    choices = f" Did you mean {listed([item[:80] for item in suggestions[:6]], 'or')}?" if suggestions else ""
    question = "" if choices or "?" in sentence or slot not in ASK else f" {ASK[slot]}"
    return f"{sentence}{ending}{choices or question}"


def listed(items: list[str], word: str) -> str:
    """The items as in: a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}" if items else ""


def _value(key: str, value: str) -> str:
    return described(value) if key == "home_airport" else value.replace("_", " ")
