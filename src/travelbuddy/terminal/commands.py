"""What can be asked of a conversation with a slash."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from travelbuddy.errors import RuntimeProblem
from travelbuddy.terminal import view
from travelbuddy.terminal.texts import one_line

if TYPE_CHECKING:
    from travelbuddy.terminal.chat import Chat
    from travelbuddy.terminal.keyboard import Keyboard, Pipe

TURNS_SHOWN, MOST_TURNS = 5, 100


class Leave(Exception):
    """The person has said good-bye."""


def run(chat: Chat, line: str, keyboard: Keyboard | Pipe) -> None:
    """Do what the line asks for."""
    name, _, rest = line.removeprefix("/").partition(" ")
    command = COMMANDS.get(name.casefold())
    if command is None:
        raise RuntimeProblem(f"There is no command /{one_line(name, 40)}; /help lists them.")
    command(chat, rest.strip(), keyboard)


def _help(chat: Chat, rest: str, keyboard: Keyboard | Pipe) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="tb.mark", no_wrap=True)
    table.add_column(overflow="fold")
    for usage, text in HELP:
        table.add_row(usage, text)
    chat.out.print(table)


def _new(chat: Chat, rest: str, keyboard: Keyboard | Pipe) -> None:
    from travelbuddy.terminal.chat import new_session

    chat.enter(rest or new_session())


def _sessions(chat: Chat, rest: str, keyboard: Keyboard | Pipe) -> None:
    found = chat.service.sessions(chat.user, search=rest or None)["sessions"]
    if not found:
        chat.out.print(Text("No session yet." if not rest else "No session has that in its name.", "tb.quiet"))
        return
    chat.out.print(view.sessions(found, chat.session))
    if not chat.interactive:
        return
    try:
        answer = keyboard.read("Number to open, Enter to stay: ").strip()
    except (EOFError, KeyboardInterrupt):
        answer = ""
        chat.out.print()
    if not answer:
        return
    if not answer.isdecimal() or not 1 <= int(answer) <= len(found):
        raise RuntimeProblem(f"Give a number from 1 to {len(found)}.")
    chat.enter(str(found[int(answer) - 1]["session_id"]))


def _history(chat: Chat, rest: str, keyboard: Keyboard | Pipe) -> None:
    if rest and not (rest.isdecimal() and 1 <= int(rest) <= MOST_TURNS):
        raise RuntimeProblem(f"/history [n]: n is a number from 1 to {MOST_TURNS}.")
    found = chat.service.history(chat.session, chat.user, limit=int(rest or TURNS_SHOWN))
    if found is None:
        chat.out.print(Text("Nothing was said here yet.", "tb.quiet"))
    else:
        chat.print_turns(found["turns"])


def _prefs(chat: Chat, rest: str, keyboard: Keyboard | Pipe) -> None:
    user = chat.service.prefer(chat.who, changes([rest])) if rest else chat.service.user(chat.who)
    chat.out.print(view.preferences(user))


def changes(words: list[str]) -> dict[str, str | None]:
    """``key=value`` sets a preference, ``-key`` deletes one. Raises RuntimeProblem for anything else."""
    found: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if word.startswith("-") and not equals:
            found[word[1:].strip()] = None
        elif equals and key.strip():
            found[key.strip()] = value.strip()
        else:
            raise RuntimeProblem(f"{one_line(word, 40)!r}: write key=value to set a preference, -key to delete one.")
    return found


def _status(chat: Chat, rest: str, keyboard: Keyboard | Pipe) -> None:
    chat.out.print(view.state(chat.service.status(_turn(chat, rest)), reply=False))


def _cancel(chat: Chat, rest: str, keyboard: Keyboard | Pipe) -> None:
    found = chat.service.history(chat.session, chat.user, limit=1) if not rest else None
    running = (found or {}).get("open") or ()
    answer = chat.service.cancel(running[0]["workflow_instance_id"] if running else _turn(chat, rest))
    chat.out.print(Text(one_line(answer.get("status", "cancelled")), "tb.note"))


def _turn(chat: Chat, rest: str) -> str:
    if not (rest or chat.last):
        raise RuntimeProblem("There is no turn yet; name one by its id.")
    return rest or chat.last


def _quit(chat: Chat, rest: str, keyboard: Keyboard | Pipe) -> None:
    raise Leave


Command = Callable[["Chat", str, "Keyboard | Pipe"], None]
COMMANDS: dict[str, Command] = {
    "help": _help,
    "new": _new,
    "sessions": _sessions,
    "history": _history,
    "prefs": _prefs,
    "status": _status,
    "cancel": _cancel,
    "quit": _quit,
}
HELP = (
    ("/new [id]", "begin another session, or go to the one of that name"),
    ("/sessions [search]", "list your sessions, and open one by its number"),
    ("/history [n]", f"show the last n turns ({TURNS_SHOWN})"),
    ("/prefs", "show what is remembered of you; /prefs key=value sets, /prefs -key deletes"),
    ("/status [id]", "show the steps of the last turn, or of another"),
    ("/cancel [id]", "end the turn that is running in this session, or another"),
    ("/quit", "leave, as Ctrl-D does; the session is kept"),
    ("Ctrl-C", "while an answer comes: cancel it; at the prompt: leave"),
)
