"""The commands that talk to a running service; each imports what it needs when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from travelbuddy.errors import TravelBuddyError

DEFAULT_URL = "http://localhost:8001"
FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
CODES = """Exit codes: 0 answered, 1 the turn failed or was cancelled, 2 bad input or no service, 130 Ctrl-C."""
LOOKED = "Exit codes: 0 done, 2 bad input or no service."
app = typer.Typer()


def _session_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Sessions for the shell's completion: what the service lists within a second, else nothing."""
    from travelbuddy.terminal.client import ServiceClient

    given = context.params
    try:
        with ServiceClient(given.get("url") or DEFAULT_URL, given.get("token"), timeout=1) as service:
            found = service.sessions(given.get("user"), limit=100)["sessions"]
    except TravelBuddyError:
        return []
    return [name for session in found if (name := str(session["session_id"])).startswith(incomplete)]


Url = Annotated[str, typer.Option(help="Address of the running service.", envvar="TRAVELBUDDY_URL")]
Token = Annotated[
    str | None, typer.Option(help="Your API key or token, where AUTH asks for one.", envvar="TRAVELBUDDY_TOKEN")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
User = Annotated[str | None, typer.Option(help="User id.")]
Session = Annotated[str | None, typer.Option(help="Session id.", autocompletion=_session_ids)]
Limit = Annotated[int, typer.Option(min=1, max=100, help="How many.")]
Before = Annotated[str | None, typer.Option(help="What came before this one; `next` of the answer before.")]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Tell what goes wrong in one line, and end with code 2; Ctrl-C ends with 130."""
    try:
        yield
    except TravelBuddyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_INPUT) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error


@app.command(epilog="Exit codes: 0 you left, 1 a piped message was not answered, 2 no service, 130 Ctrl-C.")
def chat(user: User = None, session: Session = None, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Talk with the agent. From a pipe, each line is a message."""
    from travelbuddy.terminal.chat import talk
    from travelbuddy.terminal.client import ServiceClient
    from travelbuddy.terminal.screen import console

    with one_line_errors(), ServiceClient(url, token) as service:
        code = talk(service, console(), user, session)
    raise typer.Exit(code)


@app.command(epilog=CODES)
def send(
    text: str,
    user: User = None,
    session: Session = None,
    wait: Annotated[bool, typer.Option(help="Wait for the reply.")] = True,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Send one message and print the reply; at a terminal, while it is said."""
    from travelbuddy.terminal.asked import send_one
    from travelbuddy.terminal.client import ServiceClient

    with one_line_errors(), ServiceClient(url, token) as service:
        code = send_one(service, text, user, session, wait=wait, as_json=as_json)
    raise typer.Exit(code)


@app.command(epilog=CODES)
def status(
    instance_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the workflow instance.")],
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it is done.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Show how far a message is: state, steps, reply."""
    from travelbuddy.terminal.asked import show_status
    from travelbuddy.terminal.client import ServiceClient

    with one_line_errors(), ServiceClient(url, token) as service:
        code = show_status(service, instance_id, watch=watch, as_json=as_json)
    raise typer.Exit(code)


@app.command(epilog=LOOKED)
def sessions(
    search: Annotated[str | None, typer.Option(help="Only those with this in their title or id.")] = None,
    user: User = None,
    limit: Limit = 20,
    before: Before = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """List a user's sessions, latest first."""
    from travelbuddy.terminal.asked import show_sessions
    from travelbuddy.terminal.client import ServiceClient

    with one_line_errors(), ServiceClient(url, token) as service:
        show_sessions(service, user, as_json=as_json, search=search, limit=limit, before=before)


@app.command(epilog=LOOKED)
def history(
    session: Annotated[str, typer.Argument(metavar="ID", help="Session id.", autocompletion=_session_ids)],
    user: User = None,
    limit: Limit = 20,
    before: Before = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Show the last turns of a session, oldest first."""
    from travelbuddy.terminal.asked import show_history
    from travelbuddy.terminal.client import ServiceClient

    with one_line_errors(), ServiceClient(url, token) as service:
        show_history(service, session, user, as_json=as_json, limit=limit, before=before)


@app.command(epilog=LOOKED)
def prefs(
    changes: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Set these.")] = None,
    forget: Annotated[list[str] | None, typer.Option(help="Delete this one; may be given several times.")] = None,
    user: User = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Show what is remembered of a user, or change it."""
    from travelbuddy.terminal.asked import show_prefs
    from travelbuddy.terminal.client import ServiceClient

    given: dict[str, Any] = {"set_to": changes or [], "forget": forget or []}
    with one_line_errors(), ServiceClient(url, token) as service:
        show_prefs(service, user, as_json=as_json, **given)


@app.command(epilog=LOOKED)
def fork(
    session: Annotated[str, typer.Argument(metavar="ID", help="Session id.", autocompletion=_session_ids)],
    turn: Annotated[str | None, typer.Option(help="The last turn to take along: its number from 1, or its id.")] = None,
    title: Annotated[str | None, typer.Option(help="What the new session is called.")] = None,
    user: User = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Go on from an earlier turn in a new session; the old one stays as it is."""
    from travelbuddy.terminal.asked import show_fork
    from travelbuddy.terminal.client import ServiceClient

    with one_line_errors(), ServiceClient(url, token) as service:
        show_fork(service, session, user, turn=turn, title=title, as_json=as_json)
