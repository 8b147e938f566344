"""Programs that tests run for real and that a machine may not have."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """The program's path. Skips the test where it is not installed, and fails it where CI runs it."""
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"{name} is needed (Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
