"""The commands of approvals; each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from travelbuddy.terminal.cli import DEFAULT_URL, LOOKED, AsJson, Session, Token, Url, User, one_line_errors

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the approval.")]
Note = Annotated[str | None, typer.Option(help="A word on why.")]
app = typer.Typer()


@app.command(epilog=LOOKED)
def approvals(
    session: Session = None,
    status: Annotated[str | None, typer.Option(help="waiting, approved, held, failed, rejected or expired.")] = None,
    user: User = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """List what waits for a user's decision, and what became of the rest, newest first."""
    from travelbuddy.terminal.approvals import list_all
    from travelbuddy.terminal.client import ServiceClient

    with one_line_errors(), ServiceClient(url, token) as service:
        list_all(service, user, session, status, as_json=as_json)


@app.command(epilog=LOOKED)
def approve(
    approval_id: Id,
    edit: Annotated[str | None, typer.Option(metavar="offer_id=ID", help="Approve this offer instead.")] = None,
    passengers: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON list of who travels, where that is needed.")
    ] = None,
    note: Note = None,
    user: User = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Approve that an offer is held in your name. Holding is not paying."""
    from travelbuddy.terminal.approvals import approval, decide
    from travelbuddy.terminal.client import ServiceClient

    with one_line_errors(), ServiceClient(url, token) as service:
        decide(service, approval_id, user, approval(edit, passengers, note), as_json=as_json)


@app.command(epilog=LOOKED)
def reject(
    approval_id: Id,
    note: Note = None,
    user: User = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Decide that an offer is not held."""
    from travelbuddy.terminal.approvals import decide
    from travelbuddy.terminal.client import ServiceClient

    with one_line_errors(), ServiceClient(url, token) as service:
        decide(service, approval_id, user, {"decision": "reject", "note": note}, as_json=as_json)
