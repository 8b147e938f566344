#!/usr/bin/env python3
"""Writes docs/settings.md: every setting with its default and the meaning that .env.example gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from travelbuddy.settings import Settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "settings.md"
HEAD = """# Settings

Written by `scripts/settings_page.py` from [.env.example](../.env.example) and the service's defaults; a test compares.
The environment comes first, then `.env`, then a file of that name in lower case in `/run/secrets`, then the default. A
value that does not fit ends the start with one line and exit code 2. Durations are seconds. 🔑 marks what is secret.
"""


class Described(NamedTuple):
    """A setting as .env.example has it; several in a row may share one meaning."""

    section: str
    name: str
    meaning: str


def described(text: str) -> Iterator[Described]:
    """The settings of .env.example, in its order."""
    section, meaning, words = "", "", list[str]()
    for line in text.splitlines():
        if header := re.match(r"# --- (.+?) -+$", line):
            section, meaning, words = header[1], "", []
        elif line.startswith("# "):
            words.append(line[2:])
        elif setting := re.match(r"([A-Z_]+)=", line):
            meaning, words = " ".join(words) or meaning, []
            yield Described(section, setting[1], meaning)
        else:
            meaning, words = "", []


def page(text: str) -> str:
    """docs/settings.md for this .env.example."""
    lines, section = [HEAD], ""
    for each in described(text):
        if each.section != section:
            section = each.section
            lines += [f"\n## {section.capitalize()}", "| setting | default | meaning |", "|---|---|---|"]
        field = Settings.model_fields[each.name.lower()]
        secret = " 🔑" if "SecretStr" in str(field.annotation) else ""
        meaning = each.meaning.replace("|", "\\|")
        lines.append(f"| `{each.name}`{secret} | {_shown(field.default)} | {meaning} |")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _shown(default: object) -> str:
    if default is None or default == "":
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    PAGE.write_text(page((ROOT / ".env.example").read_text(encoding="utf-8")), encoding="utf-8")
