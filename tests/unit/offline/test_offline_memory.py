"""What the user tells about themselves: remembered through the tool, recalled from the prompt or the history."""

from __future__ import annotations

import pytest
from tests.unit.offline.conftest import ALL_TOOLS, Talk, names

from travelbuddy.offline.dialogue import respond
from travelbuddy.offline.transcript import Message


def test_two_facts_are_two_calls_in_one_message(talk: Talk) -> None:
    """Name and home are remembered by two calls of the same assistant message."""
    reply = talk.say("My name is Ada. I live in Oslo.")
    assert talk.rounds == 1
    assert names(talk.calls) == ["remember_preference", "remember_preference"]
    assert talk.remembered() == {"name": "Ada", "home_airport": "Oslo"}
    assert "Ada" in reply
    assert "Oslo" in reply


@pytest.mark.parametrize(
    ("sentence", "facts"),
    [
        ("my name is ada and i live in oslo", {"name": "Ada", "home_airport": "Oslo"}),
        ("Hi, I'm Ada", {"name": "Ada"}),
        ("call me Al", {"name": "Al"}),
        ("I moved to Trondheim", {"home_airport": "Trondheim"}),
        ("my home airport is OSL", {"home_airport": "OSL"}),
        ("My name is Søren and I live in København", {"name": "Søren", "home_airport": "København"}),
        ("I prefer business class", {"cabin": "business"}),
        ("I speak Norwegian", {"language": "Norwegian"}),
        ("please answer briefly", {"preferred_style": "concise"}),
        ("I am a frequent flyer", {"expertise_level": "expert"}),
        ("I am a vegan and I prefer window seats", {"seat": "window", "diet": "vegan"}),
        ("my favorite airline is SkyHighAir", {"airline": "SkyHighAir"}),
    ],
)
def test_stated_facts_are_remembered(talk: Talk, sentence: str, facts: dict[str, str]) -> None:
    """Each kind of fact has its key, and nothing else is stored or searched."""
    talk.say(sentence)
    assert talk.remembered() == facts
    assert not talk.named("search_flights")


@pytest.mark.parametrize("sentence", ["I'm Norwegian", "I'm in Oslo today", "It's Rome", "Call me a taxi", "I'm from"])
def test_other_sentences_state_no_name(talk: Talk, sentence: str) -> None:
    """What merely looks like an introduction is not stored as a name."""
    talk.say(sentence)
    assert "name" not in talk.remembered()


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("what is my name?", ["Ada"]),
        ("who am I?", ["Ada"]),
        ("where do I live?", ["Oslo"]),
        ("what do you know about me?", ["Ada", "Oslo", "business"]),
        ("what is my name and where do I live?", ["Ada", "Oslo"]),
    ],
)
def test_facts_are_recalled_from_the_prompt(question: str, answers: list[str]) -> None:
    """A new session knows what the system prompt lists, without a call."""
    talk = Talk(memory={"name": "Ada", "home_airport": "Oslo", "cabin": "business"})
    reply = talk.say(question)
    assert talk.calls == []
    assert all(answer in reply for answer in answers)


def test_facts_are_recalled_from_earlier_messages() -> None:
    """When the prompt lists nothing, what the user said earlier in the conversation still counts."""
    history = [
        Message("system", "You are TravelBuddy.\nToday is 2026-11-23 (Monday)."),
        Message("user", "My name is Ada. I live in Oslo."),
        Message("assistant", "Noted."),
        Message("user", "What is my name, and where do I live?"),
    ]
    reply = respond(history, frozenset())
    assert reply.text == "Your name is Ada. Your home airport is Oslo."


def test_name_and_flights_in_one_message() -> None:
    """Both wishes are answered; the origin is left to the tool, which knows the home airport."""
    talk = Talk(memory={"name": "Ada", "home_airport": "Oslo"})
    reply = talk.say("What is my name, and find me flights to Rome")
    assert talk.searched == {"destination": "Rome"}
    assert names(talk.calls) == ["search_flights"]
    assert "Your name is Ada." in reply
    assert "SH123" in reply


def test_facts_and_flights_in_one_message(talk: Talk) -> None:
    """A home told with the request is remembered and used at once, for the tool cannot know it yet."""
    talk.say("I'm Bob and I live in Bergen, find me flights to Rome tomorrow")
    assert talk.rounds == 1
    assert talk.remembered() == {"name": "Bob", "home_airport": "Bergen"}
    assert talk.searched == {"origin": "Bergen", "destination": "Rome", "departure_date": "2026-11-24"}


def test_one_call_at_a_time_where_asked(talk: Talk) -> None:
    """With parallel calls off the same work is done in as many rounds."""
    talk.parallel = False
    talk.say("I'm Bob and I live in Bergen, find me flights to Rome tomorrow")
    assert talk.rounds == 3
    assert sorted(set(names(talk.calls))) == ["remember_preference", "search_flights"]


def test_unknown_fact_is_admitted(talk: Talk) -> None:
    """It does not make up a name."""
    assert talk.say("what is my name?") == "You have not told me your name yet."
    assert talk.say("what do you know about me?") == "I do not know anything about you yet."


def test_later_fact_replaces_the_earlier(talk: Talk) -> None:
    """The latest home is the one recalled."""
    talk.say("I live in Bergen")
    talk.say("I moved to Trondheim")
    assert "Trondheim" in talk.say("where do I live?")


def test_forgotten_fact_is_not_recalled(talk: Talk) -> None:
    """Forgetting goes through its tool and holds in the same conversation."""
    talk.say("My name is Ada")
    talk.say("forget my name")
    assert talk.named("forget_preference") == [{"key": "name"}]
    assert "not told me" in talk.say("what is my name?")


def test_without_the_tool_it_does_not_claim_to_store(talk: Talk) -> None:
    """Where nothing can be stored, the reply says that it holds for this conversation only."""
    talk.tools = ALL_TOOLS - {"remember_preference"}
    assert "nowhere to store it" in talk.say("My name is Ada")
    assert "Ada" in talk.say("what is my name?")


def test_home_is_recalled_by_name(talk: Talk) -> None:
    """The store keeps an airport code; people live in cities."""
    talk.say("I live in Oslo")
    assert talk.memory == {"home_airport": "OSL"}
    assert talk.say("where do I live?") == "Your home airport is Oslo (OSL)."


def test_stored_home_is_left_to_the_tool(talk: Talk) -> None:
    """A home that was stored earlier in the conversation is the tool's to use and to mention."""
    talk.say("I live in Oslo")
    talk.say("find me flights to Rome")
    assert talk.searched == {"destination": "Rome"}


def test_prompt_outdates_the_conversation(talk: Talk) -> None:
    """What the user changed elsewhere since counts, not what the conversation once said."""
    talk.say("My name is Ada. I live in Oslo.")
    talk.memory.update(name="Grace", home_airport="BGO")
    reply = talk.say("what do you know about me?")
    assert "Grace" in reply
    assert "Bergen" in reply
    assert "Ada" not in reply


def test_refused_fact_is_not_kept(talk: Talk) -> None:
    """A home that the tool does not know is neither recalled nor flown from."""
    talk.say("I live in Blorgville")
    assert "not told me" in talk.say("where do I live?")
    talk.say("find me flights to Rome")
    assert talk.searched == {"destination": "Rome"}


def test_context_of_the_request_fills_what_was_not_said() -> None:
    """A client's context is used for the search at hand, for the tool does not see it."""
    prompt = "Today is 2026-11-23 (Monday).\nContext of this request:\n- cabin: business\n- home_airport: OSL"
    messages = [Message("system", prompt), Message("user", "find me flights to Rome")]
    (call,) = respond(messages, ALL_TOOLS).calls
    assert call.arguments == {"destination": "Rome", "origin": "OSL", "cabin": "business"}
