"""What this machine has and lacks, and how to get the rest."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from travelbuddy.runtime.gobuild import DISK_NEEDED, GO_NEEDED, find_go
from travelbuddy.runtime.install import DAPR_VERSION, cache_home, find_runtime
from travelbuddy.runtime.ports import is_free

DEFAULT_PORTS = {"app": 8001, "Dapr HTTP": 3500, "Dapr gRPC": 50001}

# Programs that tests use, and two of them several replicas; with the Debian package, any one of the programs will do.
TEST_TOOLS = {
    "Redis": (("redis-server",), "redis-server"),
    "PostgreSQL": (("postgres", "pg_ctlcluster"), "postgresql"),
    "nginx": (("nginx",), "nginx-light"),
    "Chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "tmux": (("tmux",), "tmux"),
}
MORE_FOLDERS = ("/usr/sbin", "/usr/local/sbin")  # where servers live, often not on a user's PATH


@dataclass(frozen=True)
class Finding:
    """One thing looked for. ``needed`` tells whether `up` cannot work without it."""

    subject: str
    ok: bool
    detail: str
    needed: bool = False
    lack: str = "missing"  # what it is called when it is not ok

    @property
    def blocks_up(self) -> bool:
        """True when `up` would fail for the lack of it."""
        return self.needed and not self.ok


def examine(data_dir: Path) -> list[Finding]:
    """Look at everything, in the order in which a newcomer meets it."""
    return [_python(), *_dapr(), *_ports(data_dir), *_test_tools()]


def print_findings(findings: list[Finding]) -> None:
    """Print a table; what is only for tests is marked so."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "state", "detail")
    for finding in findings:
        state = Text("ok", "green") if finding.ok else Text(finding.lack, "red" if finding.needed else "yellow")
        table.add_row(finding.subject, state, Text(finding.detail))
    Console().print(table)


def _python() -> Finding:
    version = platform.python_version()
    return Finding("Python", sys.version_info >= (3, 11), f"{version}, 3.11 or newer is needed", needed=True)


def _dapr() -> list[Finding]:
    """Dapr itself, or else whether it can be built here."""
    runtime = find_runtime()
    if runtime is not None:
        return [Finding("Dapr", True, f"{runtime.version} from {runtime.source}: {runtime.folder}", needed=True)]
    go = find_go()
    wanted = ".".join(map(str, GO_NEEDED))
    free = _free_space(cache_home())
    return [
        Finding("Dapr", False, f"{DAPR_VERSION} is not here; `make run` gets or builds it once"),
        Finding("Go", True, str(go) if go else f"none of {wanted} or newer; the build takes it from PyPI"),
        Finding("disk", free >= DISK_NEEDED, f"{free / 1024**3:.0f} GB free, building Dapr takes 5", needed=True),
    ]


def _free_space(folder: Path) -> int:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(existing).free


def _ports(data_dir: Path) -> list[Finding]:
    ours = _own_ports(data_dir)
    findings = []
    for name, port in DEFAULT_PORTS.items():
        if port in ours:
            state, ok = f"used by the stack that runs on {data_dir}", True
        elif is_free(port):
            state, ok = "free", True
        else:
            state, ok = (
                "used by another program: stop it, or choose another port (travelbuddy up --help)",
                False,
            )
        findings.append(Finding(f"port {port} ({name})", ok, state, needed=True, lack="busy"))
    return findings


def _own_ports(data_dir: Path) -> set[int]:
    """Return the ports of a stack that runs on ``data_dir``; a list left by a killed one does not count."""
    try:
        entries = json.loads((data_dir / "stack.json").read_text(encoding="utf-8"))
        return {port for entry in entries if _alive(entry["pid"]) for port in entry["ports"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _test_tools() -> list[Finding]:
    path = os.pathsep.join([os.environ.get("PATH", ""), *MORE_FOLDERS, *_postgres_folders()])
    findings = []
    for name, (programs, package) in TEST_TOOLS.items():
        found = next(filter(None, (shutil.which(program, path=path) for program in programs)), None)
        use = "for --replicas and tests" if name in {"Redis", "nginx"} else "only for tests"
        detail = found or f"{use}: apt-get install {package}"
        findings.append(Finding(name, found is not None, detail))
    return findings


def _postgres_folders() -> list[str]:
    return [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
