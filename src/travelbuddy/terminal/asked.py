"""The commands that ask one thing and end. Each prints, and gives the exit code where there is more than one."""

from __future__ import annotations

import sys
from functools import partial

from rich.live import Live
from rich.text import Text

from travelbuddy.errors import RuntimeProblem, TravelBuddyError
from travelbuddy.terminal import view
from travelbuddy.terminal.client import PATIENCE, Answer, ServiceClient, unfinished
from travelbuddy.terminal.commands import changes
from travelbuddy.terminal.screen import Screen, console, show
from travelbuddy.terminal.stream import Following, Place, follow
from travelbuddy.terminal.texts import json_text, one_line, shown
from travelbuddy.terminal.turn import Turn

ANSWERED, FAILED = 0, 1


def send_one(
    service: ServiceClient, text: str, user: str | None, session: str | None, *, wait: bool, as_json: bool
) -> int:
    """Send a message; print its reply, while it is said where a person looks, or its id."""
    answer = service.send(text, user, session)
    turn_id = str(answer["workflow_instance_id"])
    if wait and not as_json and sys.stdout.isatty():
        following = Following(partial(follow, service, Place(turn_id=turn_id), patience=PATIENCE), Turn(text, turn_id))
        turn = Screen(console()).show(following, lambda turn: _cancel(service, turn.id))
        if not turn.ended:
            raise KeyboardInterrupt
        return ANSWERED if turn.state == "answered" else FAILED
    if wait:
        answer = service.wait(turn_id)
    print_answer(answer, as_json=as_json)
    return exit_code(answer)


def show_status(service: ServiceClient, turn_id: str, *, watch: bool, as_json: bool) -> int:
    """Print the state of a turn; with ``watch`` follow it to its end before."""
    answer = service.status(turn_id)
    if watch and unfinished(answer):
        if not as_json:
            _watch(service, turn_id)
        answer = service.wait(turn_id)
    show(answer, view.state(answer), as_json=as_json)
    return exit_code(answer)


def _watch(service: ServiceClient, turn_id: str) -> None:
    """Show the steps of a turn as they happen."""
    out = console()
    following = Following(partial(follow, service, Place(turn_id=turn_id), patience=PATIENCE), Turn(id=turn_id))
    with Live(console=out, auto_refresh=False, transient=True) as live:
        for turn in following.turns():
            live.update(view.watched(turn), refresh=out.is_terminal)


def show_sessions(
    service: ServiceClient, user: str | None, *, as_json: bool, search: str | None, limit: int, before: str | None
) -> None:
    """Print a user's sessions."""
    answer = service.sessions(user, search=search, limit=limit, before=before)
    found = answer["sessions"]
    show(answer, view.sessions(found) if found else Text("No sessions.", "tb.quiet"), as_json=as_json)
    _tell_more(answer, as_json)


def show_history(
    service: ServiceClient, session: str, user: str | None, *, as_json: bool, limit: int, before: str | None
) -> None:
    """Print turns of a session."""
    answer = service.history(session, user, limit=limit, before=before)
    if answer is None:
        raise RuntimeProblem(f"There is no session {one_line(session, 60)!r} of this user.")
    if as_json:
        print(json_text(answer))
    else:
        out = console()
        for line in view.conversation([*answer["turns"], *map(_waiting, answer.get("open") or ())]):
            out.print(line)
    _tell_more(answer, as_json)


def _waiting(turn: Answer) -> Answer:
    """A turn that is not done, as the others of a history."""
    said = {"role": "user", "content": turn.get("message")}
    return {"messages": [said], "outcome": "queued" if turn.get("queue_position") else "running"}


def show_prefs(
    service: ServiceClient, user: str | None, *, as_json: bool, set_to: list[str], forget: list[str]
) -> None:
    """Print a user's preferences, after changing some."""
    who = user or str(service.about().get("user_id") or "default")
    wanted = {**changes(set_to), **dict.fromkeys(forget)}
    answer = service.prefer(who, wanted) if wanted else service.user(who)
    show(answer, view.preferences(answer), as_json=as_json)


def show_fork(
    service: ServiceClient, session: str, user: str | None, *, turn: str | None, title: str | None, as_json: bool
) -> None:
    """Branch a session, and print the id of the new one."""
    answer = service.fork(session, user, turn, title)
    count = one_line(str(answer.get("turns", "")))
    told = Text(f"{one_line(answer.get('session_id', ''))} goes on from {count} turns.", "tb.quiet")
    show(answer, told, as_json=as_json)


def _tell_more(answer: Answer, as_json: bool) -> None:
    if answer.get("next") and not as_json:
        console().print(Text(f"More: --before {one_line(answer['next'])}", "tb.quiet"))


def print_answer(answer: Answer, *, as_json: bool) -> None:
    """Print the reply, the error, or the id of a message that was not waited for."""
    if as_json:
        print(json_text(answer))
    elif answer.get("error"):
        print(f"The message failed: {one_line(answer['error'])}", file=sys.stderr)
    else:
        print(shown(view.plain(answer.get("response") or answer.get("workflow_instance_id"))))


def exit_code(answer: Answer) -> int:
    """1 for a turn that ended without an answer, 0 for one that is answered or still under way."""
    status = str(answer.get("status", "")).lower()
    return FAILED if answer.get("error") or status in {"failed", "cancelled", "interrupted"} else ANSWERED


def _cancel(service: ServiceClient, turn_id: str) -> None:
    try:
        service.cancel(turn_id)
    except TravelBuddyError:
        return  # it ended meanwhile, or the stream will tell
