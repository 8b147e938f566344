"""The ``travelbuddy`` command: thin, every command imports what it needs when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from travelbuddy.terminal.approvals_cli import app as approvals
from travelbuddy.terminal.cli import BAD_INPUT, one_line_errors
from travelbuddy.terminal.cli import app as terminal
from travelbuddy.terminal.watches_cli import app as watches

app = typer.Typer(
    name="travelbuddy",
    help="A travel agent that never loses a message.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if len(sys.argv) < 2 or "--help" in sys.argv else None,  # it takes 0.15 s to load
)

KeyFile = Annotated[Path, typer.Option("--file", help="The file of hashed keys.", envvar="API_KEYS_FILE")]
Port = typer.Option(min=0, max=65535)
DEFAULT_KEYS = Path("api-keys")
keys = typer.Typer(help="Who may call, with AUTH=api-key.", no_args_is_help=True)
app.add_typer(terminal)
app.add_typer(approvals)
app.add_typer(watches)
app.add_typer(keys, name="keys")


@app.command()
def up(
    app_port: Annotated[int, Port] = 8001,
    dapr_http_port: Annotated[int, Port] = 3500,
    dapr_grpc_port: Annotated[int, Port] = 50001,
    data_dir: Annotated[Path, typer.Option(help="State, logs and stack.json.")] = Path(".travelbuddy"),
    components: Annotated[Path | None, typer.Option(help="Folder of Dapr resources.")] = None,
    replicas: Annotated[int, typer.Option(min=1, help="Pairs of app and sidecar.")] = 1,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Let others reach the service although AUTH=none asks nobody who they are."),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show all of Dapr's log lines.")] = False,
    dapr_metrics: Annotated[
        bool, typer.Option("--dapr-metrics", help="Let the sidecars show Prometheus their metrics, see stack.json.")
    ] = False,
) -> None:
    """Run placement, scheduler, sidecar and app in the foreground. Port 0 is any free one."""
    from travelbuddy.runtime.plan import StackOptions
    from travelbuddy.runtime.stack import up as run_stack
    from travelbuddy.runtime.tokens import shared_tokens
    from travelbuddy.settings import load_settings

    with one_line_errors():
        settings = load_settings(**({"insecure": True} if insecure else {}))  # a bad one is told before anything starts
        options = StackOptions(
            app_port=app_port,
            dapr_http_port=dapr_http_port,
            dapr_grpc_port=dapr_grpc_port,
            data_dir=data_dir,
            components=components,
            replicas=replicas,
            verbose=verbose,
            dapr_metrics=dapr_metrics,
            tokens=shared_tokens(settings),
        )
        code = run_stack(options)
    raise typer.Exit(code)


@app.command()
def doctor(data_dir: Annotated[Path, typer.Option()] = Path(".travelbuddy")) -> None:
    """Say what this machine lacks for running and testing, and how to get it."""
    from travelbuddy.runtime.doctor import examine, print_findings

    findings = examine(data_dir)
    print_findings(findings)
    if any(finding.blocks_up for finding in findings):
        raise typer.Exit(1)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="New file for the backup.")],
    data_dir: Annotated[Path, typer.Option(help="Folder of the stack, which may be running.")] = Path(".travelbuddy"),
) -> None:
    """Save the conversations of the embedded store, as they are at one instant; the stack goes on."""
    from travelbuddy.runtime.backup import back_up

    with one_line_errors():
        count = back_up(data_dir, file)
    typer.echo(f"{count} records in {file}.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `travelbuddy backup` wrote.")],
    data_dir: Annotated[Path, typer.Option(help="Folder for a stack; it must have no data yet.")] = Path(
        ".travelbuddy"
    ),
) -> None:
    """Bring saved conversations into a new folder, for `travelbuddy up`. Turns under way are recorded as cancelled."""
    from travelbuddy.runtime.backup import restore as bring_back

    with one_line_errors():
        count = bring_back(file, data_dir)
    typer.echo(f"{count} records in {data_dir}.")


@app.command()
def register(
    team: Annotated[str, typer.Option(help="Team of dapr-agents.")] = "default",
    store: Annotated[str, typer.Option(help="State store component of the registry.")] = "agent-registry",
    app_id: Annotated[str, typer.Option(help="App id of the service.")] = "stateful-llm",
    dapr_http_port: Annotated[
        int | None, typer.Option(help="A sidecar with that store; default: DAPR_HTTP_PORT.")
    ] = None,
    dapr_grpc_port: Annotated[int | None, typer.Option(help="The same one; default: DAPR_GRPC_PORT.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the agent out.")] = False,
) -> None:
    """Enter the agent into a team's registry, where agents built with dapr-agents find it. Again changes nothing."""
    from travelbuddy import registering
    from travelbuddy.settings import load_settings

    with one_line_errors():
        settings = load_settings()
        token = settings.dapr_api_token
        sidecar = registering.SidecarAddress(
            settings.dapr_host,
            dapr_http_port or settings.dapr_http_port,
            dapr_grpc_port or settings.dapr_grpc_port,
            token.get_secret_value() if token is not None else None,
        )
        change = registering.remove if remove else registering.register
        change(registering.Registration(store, team, app_id), sidecar)
    typer.echo(f"TravelBuddy is {'no longer' if remove else 'now'} in team {team}.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Measure beside the alternatives; needs the source tree and `make bench` once. Options go to `python -m bench`."""
    import subprocess
    import sys

    tree = Path(__file__).resolve().parents[2]
    if not (tree / "bench" / "__main__.py").exists():
        typer.echo("The benchmark is not part of the installed package; run `make bench` in the source tree.", err=True)
        raise typer.Exit(BAD_INPUT)
    raise typer.Exit(subprocess.call([sys.executable, "-m", "bench", *context.args], cwd=tree))  # noqa: S603


@app.command("offline-model")
def offline_model(port: Annotated[int, Port] = 8010) -> None:
    """Serve the built-in rule-based model over the OpenAI chat-completions protocol."""
    import uvicorn

    from travelbuddy.offline.server import create_offline_app

    uvicorn.run(create_offline_app(), host="127.0.0.1", port=port)


@keys.command()
def add(user: Annotated[str, typer.Argument(help="User id.")], file: KeyFile = DEFAULT_KEYS) -> None:
    """Make a key for this user and print it; only its hash is kept. Running services take it at once."""
    from travelbuddy.access.api_keys import add_key

    with one_line_errors():
        typer.echo(add_key(file, user))


@keys.command()
def revoke(user: Annotated[str, typer.Argument(help="User id.")], file: KeyFile = DEFAULT_KEYS) -> None:
    """Take back all keys of this user; running services refuse them at once."""
    from travelbuddy.access.api_keys import revoke_keys

    with one_line_errors():
        count = revoke_keys(file, user)
    typer.echo(f"{count} {'key' if count == 1 else 'keys'} of {user} revoked.")
    raise typer.Exit(0 if count else BAD_INPUT)


@keys.command("list")
def list_keys(file: KeyFile = DEFAULT_KEYS) -> None:
    """Show whose keys there are, by the first characters of their hashes."""
    from travelbuddy.access.api_keys import read_keys

    with one_line_errors():
        for known, user in read_keys(file).items():
            typer.echo(f"{known[:12]}  {user}")
