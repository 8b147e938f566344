"""Refuse files over 250 lines and functions over 40: hard to review."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

FILE_LINES = 250
FUNCTION_LINES = 40

# Path, or path::function, with the reason why it may be longer.
ALLOWED: dict[str, str] = {}


def main() -> int:
    """Print what is too long and return the exit code."""
    found = [problem for path in sorted(Path("src").rglob("*.py")) for problem in problems(path)]
    for problem in found:
        print(problem)
    return 1 if found else 0


def problems(path: Path) -> list[str]:
    """Return what is too long in one file."""
    text = path.read_text(encoding="utf-8")
    found = []
    count = len(text.splitlines())
    if count > FILE_LINES and str(path) not in ALLOWED:
        found.append(f"{path}: {count} lines, {FILE_LINES} are allowed")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES and f"{path}::{node.name}" not in ALLOWED:
                found.append(f"{path}:{node.lineno}: {node.name}: {length} lines, {FUNCTION_LINES} are allowed")
    return found


if __name__ == "__main__":
    sys.exit(main())
