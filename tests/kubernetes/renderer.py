"""Kustomize itself: one that is here, or the pinned one, built once from its Go module."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.gobuild import fetch_go, find_go
from travelbuddy.runtime.install import DAPR_VERSION, cache_home

Resource = dict[str, Any]
KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
KUSTOMIZE = "v5.7.1"
BUILD_TIMEOUT = 600


def render(folder: Path) -> list[Resource]:
    """What `kubectl apply -k` would send for this folder."""
    return [each for each in yaml.safe_load_all(_run([*kustomize(), str(folder)])) if each]


@functools.cache
def kustomize() -> tuple[str, ...]:
    """The command that renders. Where none can be had the test is skipped with the reason, and fails in CI."""
    if (kubectl := shutil.which("kubectl")) and _embeds_version_5(kubectl):
        return (kubectl, "kustomize")
    built = cache_home() / "kustomize" / KUSTOMIZE / "kustomize"
    if not built.exists():
        module = f"sigs.k8s.io/kustomize/kustomize/v5@{KUSTOMIZE}"
        _run([_go(), "install", module], GOBIN=str(built.parent), GOFLAGS="-mod=mod")
    return (str(built), "build")


@functools.cache
def dapr_source() -> Path:
    """The source of the pinned Dapr: it holds the schemas of Dapr's kinds, and the names of its annotations."""
    told = json.loads(_run([_go(), "mod", "download", "-json", f"github.com/dapr/dapr@v{DAPR_VERSION}"]))
    return Path(told["Dir"])


def _embeds_version_5(kubectl: str) -> bool:
    """Old ones render another language."""
    said = subprocess.run([kubectl, "version", "--client"], capture_output=True, text=True, timeout=30, check=False)
    return re.search(r"Kustomize Version: v5\.", said.stdout) is not None


def _go() -> str:
    try:
        return str(find_go() or fetch_go(cache_home() / "go"))
    except RuntimeProblem as problem:
        _missing(str(problem))
        raise


def _run(command: list[str], **env: str) -> str:
    own = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", **env}
    home = cache_home()
    home.mkdir(parents=True, exist_ok=True)  # in no Go module
    try:
        done = subprocess.run(
            command, cwd=home, env=own, capture_output=True, text=True, timeout=BUILD_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as trouble:
        _missing(str(trouble))
        raise
    if done.returncode and "go" in Path(command[0]).name:
        _missing(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout


def _missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
