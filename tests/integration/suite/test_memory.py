"""The agent remembers: across turns, across sessions, across a restart of everything."""

from __future__ import annotations

from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.scripted_model import Answer, Request, Say
from tests.integration.framework.stack import Stack


async def test_name_and_home_survive_a_restart_of_everything() -> None:
    """Told a name and a home, then all processes killed and started again, the agent still uses both."""
    async with Stack() as stack:
        await User(stack, "ada", "trip").ask("My name is Ada and I live in Oslo.")
        for name in ("app", "daprd", "scheduler", "placement"):
            await stack.kill(name)
        await stack.restart()
        reply = await User(stack, "ada", "trip").ask("What is my name, and find me flights to Rome")
        assert "Ada" in reply
        assert "OSL" in reply
        other = await User(stack, "ada", "another session").ask("Where do I live?")
        assert "Oslo" in other or "OSL" in other


async def test_a_prompt_holds_the_turns_before_it(scripted: Scripted) -> None:
    """The second run sees what the first was told (stock dapr-agents stores it and never reads it back)."""
    scripted.model.script = _echo
    user = User(scripted.stack, "eve", "recall")
    await user.ask("My name is Eve")
    await user.ask("What is my name?")
    prompt = [m["content"] for m in scripted.model.requests[-1]["messages"][1:]]
    assert prompt == ["My name is Eve", "heard", "What is my name?"]


async def test_the_window_is_ten_whole_turns(scripted: Scripted) -> None:
    """A prompt holds the last ten turns with every tool call beside its result, and no more."""
    user = User(scripted.stack, "eve", "window")
    for number in range(12):
        await user.ask(f"message {number}")
    messages = scripted.model.requests[-1]["messages"]
    asked = [m["content"] for m in messages if m["role"] == "user"]
    assert asked == [f"message {number}" for number in range(1, 12)]
    assert [m["role"] for m in messages[1:5]] == ["user", "assistant", "tool", "assistant"]


async def test_sessions_do_not_mix(scripted: Scripted) -> None:
    """Each request names its session; nothing of one is in the prompt of another (dapr-agents#222)."""
    scripted.model.script = _echo
    await User(scripted.stack, "a", "one").ask("secret of a")
    await User(scripted.stack, "b", "two").ask("hello from b")
    assert "secret of a" not in str(scripted.model.requests[-1])


def _echo(request: Request) -> Answer:
    return Say("heard")
