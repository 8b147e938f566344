"""Name files over 400 lines and functions over 60: perhaps each is two. A warning, for length follows from meaning."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60


def main() -> int:
    """Print what is long; that fails nothing."""
    for path in sorted(Path("src").rglob("*.py")):
        for problem in problems(path):
            print(f"warning: {problem}")
    return 0


def problems(path: Path) -> list[str]:
    """Return what is too long in one file."""
    text = path.read_text(encoding="utf-8")
    found = []
    count = len(text.splitlines())
    if count > FILE_LINES:
        found.append(f"{path}: {count} lines, {FILE_LINES} are usual")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{path}:{node.lineno}: {node.name}: {length} lines, {FUNCTION_LINES} are usual")
    return found


if __name__ == "__main__":
    sys.exit(main())
