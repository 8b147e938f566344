"""The documents tell the truth about what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from typer.testing import CliRunner

from travelbuddy.api.checks import route_table
from travelbuddy.api.routes import approvals, chat, flights, forks, health, sessions, users, watches, web, workflows
from travelbuddy.app import create_app
from travelbuddy.cli import app as cli
from travelbuddy.settings import Settings
from travelbuddy.terminal.approvals_cli import app as approvals_commands
from travelbuddy.terminal.cli import app as terminal
from travelbuddy.terminal.commands import COMMANDS
from travelbuddy.terminal.watches_cli import app as watches_commands

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))


def test_every_setting_is_in_the_example() -> None:
    """.env.example names each setting once, and nothing that is no setting."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_every_route_is_in_the_readme() -> None:
    """Each HTTP route of the doors stands in the README's table of calls."""
    routes = [
        route
        for part in (chat, workflows, sessions, users, flights, approvals, forks, watches, web, health)
        for route in part.router.routes
    ]
    paths = [route.path for route in routes if isinstance(route, APIRoute) and route.include_in_schema]
    assert paths
    for path in paths:
        shown = re.sub(r"\{\w+\}", "{id}", path)
        assert shown in README, f"README says nothing of {shown}"


def test_the_page_on_security_lists_every_route_with_its_check() -> None:
    """The table is what `scripts/route_checks` writes from the app as it is now."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert route_table(create_app(Settings(_env_file=None))) in page, "run scripts/route_checks"


def test_every_make_command_of_the_documents_exists() -> None:
    """No document tells people to type a make target that is not there."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        code = re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(code) <= targets, document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Each relative link of a document names a file or folder that exists."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_decisions_name_tests_that_exist() -> None:
    """Each test file that a decision record names is there."""
    for record in (ROOT / "docs" / "decisions").glob("*.md"):
        for path in re.findall(r"tests/[\w/]+\.py", record.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), f"{record.name}: {path}"


def test_every_feature_of_the_seeds_names_a_test_that_exists() -> None:
    """Each line of the table of features ends with a test, and that test is there."""
    lines = (ROOT / "docs" / "features.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| feature")]
    assert len(rows) > 40
    for row in rows:
        named = re.search(r"`(tests/[\w/]+\.py)::(\w+)` \|$", row)
        assert named, row
        assert f"def {named[2]}(" in (ROOT / named[1]).read_text(encoding="utf-8"), row


def test_the_page_on_the_terminal_names_what_there_is() -> None:
    """Each command with a user at it and each slash command stands on the page, and none that is not there."""
    page = (ROOT / "docs" / "terminal.md").read_text(encoding="utf-8")
    parts = (terminal, approvals_commands, watches_commands)
    registered = [command for part in parts for command in part.registered_commands]
    commands = {command.callback.__name__ for command in registered if command.callback}
    assert set(re.findall(r"^(?:echo .* \| )?travelbuddy (\w+)", page, re.MULTILINE)) == commands
    assert set(re.findall(r"^\| `/(\w+)", page, re.MULTILINE)) == set(COMMANDS)
    help_of_all = "".join(CliRunner().invoke(cli, [*line.split(), "--help"]).output for line in ("", *commands))
    for option in re.findall(r"--[a-z][a-z-]+", page):
        assert option in help_of_all, option


def test_the_recording_stands_alone() -> None:
    """The picture of the terminal is small, loads nothing, and stands still for who wants no motion."""
    picture = (ROOT / "docs" / "images" / "terminal.svg").read_text(encoding="utf-8")
    assert len(picture.encode()) < 150_000
    assert "prefers-reduced-motion" in picture
    assert not re.search(r"@import|url\(|<script|href=\"(?!#)|https?://(?!www\.w3\.org/)", picture)
