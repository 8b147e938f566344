"""``travelbuddy chat``: a conversation."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.text import Text

from travelbuddy.errors import RuntimeProblem, TravelBuddyError
from travelbuddy.terminal import view
from travelbuddy.terminal.client import Answer, ServiceClient
from travelbuddy.terminal.commands import COMMANDS, Leave, run
from travelbuddy.terminal.keyboard import Keyboard, Pipe
from travelbuddy.terminal.screen import Screen
from travelbuddy.terminal.stream import Following, Place, follow, sending
from travelbuddy.terminal.texts import one_line
from travelbuddy.terminal.turn import Turn

ANSWERED, FAILED, INTERRUPTED = 0, 1, 130
SHOWN_AGAIN = 2
_WORDS = ("amber", "bright", "calm", "clear", "early", "gentle", "golden", "north", "open", "quiet", "silver", "warm")
_PLACES = ("bay", "bridge", "coast", "delta", "field", "harbour", "island", "lake", "meadow", "port", "ridge", "river")


@dataclass
class Chat:
    """A conversation in one session at a time."""

    service: ServiceClient
    out: Console
    user: str | None
    session: str
    interactive: bool
    last: str = ""
    """The last turn of this conversation."""
    failed: bool = False

    @property
    def who(self) -> str:
        """The user whose preferences these are."""
        return self.user or "default"

    def say(self, text: str) -> None:
        """Send a message and show its turn to the end."""
        self._show(sending(text, self.user, self.session), Turn(text, session_id=self.session))

    def enter(self, session: str) -> None:
        """Go into a session: show its end, and follow what is still open there."""
        found = self.service.history(session, self.user, limit=SHOWN_AGAIN)
        self.session = session
        if found is None:
            self.out.print(Text(f"A new session: {one_line(session)}", "tb.quiet"))
            return
        if found.get("next"):
            self.out.print(Text("… /history shows more", "tb.quiet"))
        self.print_turns(found["turns"])
        for turn in found.get("open") or ():
            self.out.print(Text(f"› {one_line(turn['message'])}", "tb.you"))
            self._show(Place(turn_id=turn["workflow_instance_id"]), Turn(turn["message"], session_id=session))

    def print_turns(self, turns: list[Answer]) -> None:
        """Print turns of a history."""
        for line in view.conversation(turns):
            self.out.print(line)
        if turns:
            self.last = turns[-1]["workflow_instance_id"]

    def _show(self, place: Place, turn: Turn) -> None:
        following = Following(partial(follow, self.service, place), turn)
        try:
            turn = Screen(self.out).show(following, self._cancel)
        finally:
            following.leave()
            self.last = following.turn.id or self.last
        self.failed = self.failed or turn.state != "answered"
        if not turn.ended:
            left = (
                f"Left running: /status {one_line(turn.id)}" if turn.id else "Given up; it may not have been accepted."
            )
            self.out.print(Text(left, "tb.note"))

    def _cancel(self, turn: Turn) -> None:
        try:
            self.service.cancel(turn.id)
        except TravelBuddyError:
            return  # it ended meanwhile, or the stream will tell

    def complete(self, text: str) -> list[str]:
        """Commands that begin so."""
        return [f"/{name}" for name in COMMANDS if f"/{name}".startswith(text)]


def talk(service: ServiceClient, out: Console, user: str | None, session: str | None) -> int:
    """Talk until the person leaves or the input ends; the exit code."""
    interactive = sys.stdin.isatty()
    about = service.about()
    if about.get("auth", "none") != "none" and not about.get("user_id"):
        raise RuntimeProblem("The service asks who you are: give --token, or set TRAVELBUDDY_TOKEN.")
    chat = Chat(service, out, user or about.get("user_id"), session or new_session(), interactive)
    if interactive:
        _greet(chat, about)
        if session is not None:
            chat.enter(session)
    keyboard = Keyboard(chat.complete, coloured=out.is_terminal and not out.no_color) if interactive else Pipe()
    try:
        while True:
            _one(chat, keyboard)
    except (EOFError, Leave):
        code = FAILED if chat.failed and not interactive else ANSWERED
    except KeyboardInterrupt:
        code = INTERRUPTED
    if interactive:
        out.print(Text(f"\nGo on later: travelbuddy chat --session {one_line(chat.session)}", "tb.quiet"))
    return code


def _one(chat: Chat, keyboard: Keyboard | Pipe) -> None:
    """One message or command. What goes wrong is told, and the conversation goes on."""
    line = keyboard.read()
    if not line.strip():
        return
    try:
        if line.startswith("/"):
            run(chat, line, keyboard)
        else:
            chat.say(line.strip())
    except TravelBuddyError as problem:
        chat.failed = True
        chat.out.print(Text(one_line(problem), "tb.bad"))
    if chat.interactive:
        chat.out.print()


def _greet(chat: Chat, about: Answer) -> None:
    said = Text().append("TravelBuddy", "bold")
    if model := about.get("model"):
        said.append(f"  {one_line(model)}", "tb.quiet")
    if about.get("flights") == "sample":
        said.append("  sample flights", "tb.sample")
    said.append(f"\n{one_line(chat.who)} in session {one_line(chat.session)}. /help lists the commands.", "tb.quiet")
    chat.out.print(said)
    chat.out.print()


def new_session() -> str:
    """An id that can be read and typed, and that nobody else has."""
    letters = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(5))
    return f"{secrets.choice(_WORDS)}-{secrets.choice(_PLACES)}-{letters}"
