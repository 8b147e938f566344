"""Find Dapr's programs on this machine, or get them: an installation, the `dapr` CLI, a build from source."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.progress import run_step

DAPR_VERSION = "1.18.2"
BINARIES = ("daprd", "placement", "scheduler")
CLI_TIMEOUT = 120.0  # an unreachable download must not hold up the build for long


@dataclass(frozen=True)
class DaprRuntime:
    """A folder that holds Dapr's programs, their version, and where they are from."""

    folder: Path
    version: str
    source: str

    def program(self, name: str) -> str:
        """Return the path of one of BINARIES."""
        return str(self.folder / name)


def cache_home() -> Path:
    """Return the folder for what this project builds once per user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "travelbuddy"


def find_runtime() -> DaprRuntime | None:
    """Return the first fitting installation, without getting anything."""
    named = os.environ.get("DAPR_BIN_DIR")
    candidates = [(Path(named), "DAPR_BIN_DIR")] if named else []
    candidates += [(Path.home() / ".dapr" / "bin", "~/.dapr/bin"), (_cached(), "the cache")]
    for folder, source in candidates:
        version = _version_in(folder)
        if version is not None and fits(version):
            return DaprRuntime(folder, version, source)
    return None


def ensure_runtime() -> DaprRuntime:
    """Return a fitting installation, getting one first when there is none."""
    found = find_runtime()
    if found is not None:
        return found
    with _one_at_a_time(cache_home() / "dapr" / "lock"):
        found = find_runtime()  # the one we waited for may have built it
        if found is None:
            _install()
            found = find_runtime()
    if found is None:
        raise RuntimeProblem(f"Dapr was put into {_cached()} but does not start as version {DAPR_VERSION}.")
    return found


def fits(version: str) -> bool:
    """Return whether ``version`` is of the pinned minor release and not older than the pinned patch."""
    try:
        major, minor, patch = (int(part) for part in version.split("."))
    except ValueError:
        return False
    wanted = tuple(int(part) for part in DAPR_VERSION.split("."))
    return (major, minor) == wanted[:2] and patch >= wanted[2]


def _cached() -> Path:
    return cache_home() / "dapr" / DAPR_VERSION


def _version_in(folder: Path) -> str | None:
    if not all(os.access(folder / name, os.X_OK) for name in BINARIES):
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - a program from a folder the user chose, no shell
            [folder / "daprd", "--version"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip()


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("w")
    except OSError as error:
        raise RuntimeProblem(
            f"{path.parent} cannot be written ({error.strerror}). Name another cache folder in XDG_CACHE_HOME, "
            "or a folder with Dapr's binaries in DAPR_BIN_DIR."
        ) from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another process is getting Dapr; waiting for it …", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install() -> None:
    """Fill the cache. Binaries appear there whole, by one rename, or not at all."""
    parent = _cached().parent
    with tempfile.TemporaryDirectory(dir=parent, prefix=".partial-") as scratch:
        target = Path(scratch) / "bin"
        target.mkdir()
        log = parent / "install.log"
        log.unlink(missing_ok=True)
        if not _from_cli(target, log):
            from travelbuddy.runtime.gobuild import build

            build(DAPR_VERSION, BINARIES, target, parent.parent / "go", log)
        shutil.rmtree(_cached(), ignore_errors=True)
        target.rename(_cached())


def _from_cli(target: Path, log: Path) -> bool:
    """Let the `dapr` CLI download the release into ``target``; False when it is absent or cannot."""
    cli = shutil.which("dapr")
    if cli is None:
        return False
    command = [cli, "init", "--slim", "--runtime-version", DAPR_VERSION, "--runtime-path", str(target)]
    try:
        run_step(
            f"Fetching Dapr {DAPR_VERSION} with the dapr CLI",
            command,
            cwd=target,
            env=os.environ,
            log=log,
            timeout=CLI_TIMEOUT,
        )
    except RuntimeProblem as problem:
        print(f"{problem} Building it from source instead.", file=sys.stderr, flush=True)
        return False
    downloaded = target / ".dapr" / "bin"
    if _version_in(downloaded) != DAPR_VERSION:
        return False
    for name in BINARIES:
        (downloaded / name).rename(target / name)
    shutil.rmtree(target / ".dapr")
    return True


def main() -> None:
    """Get Dapr and say where it is; what `make test` runs before the tests."""
    try:
        runtime = ensure_runtime()
    except RuntimeProblem as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(1) from problem
    print(f"Dapr {runtime.version} from {runtime.source}: {runtime.folder}")


if __name__ == "__main__":
    main()
