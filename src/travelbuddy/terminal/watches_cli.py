"""The commands for fare watches."""

from __future__ import annotations

from typing import Annotated

import typer

from travelbuddy.terminal.cli import DEFAULT_URL, LOOKED, AsJson, Session, Token, Url, User, one_line_errors

app = typer.Typer()


@app.command(epilog=LOOKED)
def watch(
    origin: Annotated[str, typer.Argument(help="IATA code of the airport or metropolitan area.")],
    destination: Annotated[str, typer.Argument(help="The same.")],
    departure_date: Annotated[str, typer.Argument(metavar="DATE", help="Day of departure, YYYY-MM-DD.")],
    below: Annotated[str, typer.Option(help="Tell when all passengers together pay less, as 250.00.")],
    back: Annotated[str | None, typer.Option(help="Day of return; left out: one way.")] = None,
    passengers: Annotated[int, typer.Option(min=1, max=9)] = 1,
    cabin: Annotated[str, typer.Option(help="economy, premium_economy, business or first.")] = "economy",
    max_stops: Annotated[int | None, typer.Option(min=0, max=2, help="0 for direct flights only.")] = None,
    every: Annotated[float | None, typer.Option(help="Seconds between two looks.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day of it; the day of departure.")] = None,
    webhook: Annotated[str | None, typer.Option(help="An https address that is told as well.")] = None,
    user: User = None,
    session: Session = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Watch a fare, and be told in a session when it falls."""
    from travelbuddy.terminal.client import ServiceClient
    from travelbuddy.terminal.watches import begin

    ends = {"origin": origin.upper(), "destination": destination.upper(), "departure_date": departure_date}
    query = {**ends, "return_date": back, "passengers": passengers, "cabin": cabin, "max_stops": max_stops}
    wish = {"limit": below, "every": every, "until": until, "webhook": webhook, "user_id": user, "session_id": session}
    with one_line_errors(), ServiceClient(url, token) as service:
        begin(service, query, wish, as_json=as_json)


@app.command(epilog=LOOKED)
def watches(
    session: Session = None,
    status: Annotated[str | None, typer.Option(help="watching, ended or cancelled.")] = None,
    user: User = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """List a user's fare watches, newest first."""
    from travelbuddy.terminal.client import ServiceClient
    from travelbuddy.terminal.watches import list_all

    with one_line_errors(), ServiceClient(url, token) as service:
        list_all(service, user, session, status, as_json=as_json)


@app.command(epilog=LOOKED)
def unwatch(
    watch_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the watch.")],
    user: User = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """End a fare watch."""
    from travelbuddy.terminal.client import ServiceClient
    from travelbuddy.terminal.watches import end

    with one_line_errors(), ServiceClient(url, token) as service:
        end(service, watch_id, user, as_json=as_json)
