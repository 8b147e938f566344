"""Every setting is documented, means what its document says, and is used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from scripts.settings_page import described, page

from travelbuddy.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
SOURCE = ROOT / "src" / "travelbuddy"


def test_the_page_of_settings_is_what_the_example_and_the_defaults_say() -> None:
    """It is written from them, so that nothing is described twice."""
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == page(EXAMPLE.read_text(encoding="utf-8")), "run .venv/bin/python scripts/settings_page.py"
    assert set(re.findall(r"^\| `([A-Z_]+)`", written, re.MULTILINE)) == {n.upper() for n in Settings.model_fields}


def test_every_setting_has_a_meaning() -> None:
    """A comment stands before it, or before the ones that it follows directly."""
    assert [each.name for each in described(EXAMPLE.read_text(encoding="utf-8")) if not each.meaning] == []


def test_the_example_changes_nothing() -> None:
    """Copied as it is, it leaves every default in force."""
    example, defaults = Settings(_env_file=EXAMPLE), Settings(_env_file=None)
    assert {n: v for n, v in example if v != getattr(defaults, n)} == {}


def test_every_setting_is_used() -> None:
    """Some line of the service reads it; one that nobody reads promises what does not happen."""
    read = {name for file in SOURCE.rglob("*.py") for name in _read_settings(file)}
    assert sorted(set(Settings.model_fields) - read) == []


def test_a_setting_that_only_stands_there_is_not_used(tmp_path: Path) -> None:
    """Neither its declaration nor its validation counts, nor a like name of something else."""
    file = tmp_path / "settings.py"
    file.write_text('class Settings:\n    unused: str = ""\n\n    @field_validator("unused")\n    def v(cls): ...\n')
    (tmp_path / "other.py").write_text("print(turn.unused)\nsettings.unused = 1\n")
    assert [name for each in tmp_path.glob("*.py") for name in _read_settings(each)] == []
    (tmp_path / "other.py").write_text("print(self._settings.unused)\n")
    assert list(_read_settings(tmp_path / "other.py")) == ["unused"]


def _read_settings(file: Path) -> set[str]:
    """Names that are read off something called settings, or in its own class off self."""
    own = {"self"} if file.name == "settings.py" else set()
    return {
        node.attr
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and _owner(node.value) & ({"settings"} | own)
    }


def _owner(node: ast.expr) -> set[str]:
    """The last word of what an attribute belongs to, without the underscore of a private one."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return {name.lstrip("_")}
