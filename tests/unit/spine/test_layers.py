"""Who may know whom, read from the source, and what a start may import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import travelbuddy

SOURCE = Path(travelbuddy.__file__).parent
STDLIB = sys.stdlib_module_names
WITH_A_CLOCK_OR_A_WORLD = {"asyncio", "os", "random", "secrets", "socket", "threading", "time", "uuid"}
PARTS_OF_GENERATORS = {
    "turn": ["contracts", "waits"],
    "booking": ["booking_payloads"],
    "fare_watch": ["watch_payloads"],
    "team": ["contracts", "team_payloads", "waits"],
}


def _imports(path: Path) -> Iterator[str]:
    """The absolute names of what a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            yield node.module or ""


def _within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _strangers(path: Path, *allowed: str) -> list[str]:
    return [
        name
        for name in _imports(path)
        if not _within(name, *allowed) and (name.split(".")[0] not in STDLIB or name in WITH_A_CLOCK_OR_A_WORLD)
    ]


@pytest.mark.parametrize("path", sorted((SOURCE / "domain").rglob("*.py")), ids=lambda path: path.stem)
def test_the_domain_is_pure(path: Path) -> None:
    """A domain module imports the deterministic part of the standard library, pydantic, and its like; nothing else."""
    assert _strangers(path, "pydantic", "travelbuddy.domain", "travelbuddy.errors") == []


@pytest.mark.parametrize(("generator", "parts"), PARTS_OF_GENERATORS.items(), ids=PARTS_OF_GENERATORS)
def test_the_generators_see_nothing_that_may_differ_on_replay(generator: str, parts: list[str]) -> None:
    """A workflow imports the domain, its payloads, its waits, the SDK and pydantic; no clock, id, setting or I/O."""
    own = [f"travelbuddy.workflow.{name}" for name in parts]
    allowed = ("pydantic", "travelbuddy.domain", "dapr.ext.workflow", *own)
    assert _strangers(SOURCE / "workflow" / f"{generator}.py", *allowed) == []


@pytest.mark.parametrize("part", sorted({part for parts in PARTS_OF_GENERATORS.values() for part in parts}))
def test_what_generators_are_made_of_sees_no_more_than_they_do(part: str) -> None:
    """What a generator imports is held to the same rule, so that nothing comes in through it."""
    allowed = ("pydantic", "travelbuddy.domain", "travelbuddy.workflow.contracts", "dapr.ext.workflow")
    assert _strangers(SOURCE / "workflow" / f"{part}.py", *allowed) == []


def test_the_contracts_know_only_the_domain() -> None:
    """What lies in histories is made of domain types, so that no adapter's change can reach it."""
    assert _strangers(SOURCE / "workflow" / "contracts.py", "pydantic", "travelbuddy.domain") == []


def test_the_service_starts_without_the_heavy_framework() -> None:
    """Importing the app and its wiring does not load dapr_agents, which costs seconds and a hundred megabytes."""
    program = (
        "import sys, travelbuddy.app, travelbuddy.bootstrap, travelbuddy.cli\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'dapr_agents'])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"
