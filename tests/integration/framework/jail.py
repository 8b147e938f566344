"""A container without an engine: the machine's own files under a layer of our own, some folders put in, few rights.

It needs root and Linux. What an engine would add, limits of memory and CPU and a seccomp profile, is not here.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TOOLS = ("ip", "nsenter", "unshare", "setpriv", "chroot", "mount")


@dataclass(frozen=True)
class Mount:
    """A file or folder of the machine, at ``target`` in the jail."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class Jail:
    """Where a program runs. ``layer`` takes what is written; without one it is gone with the process."""

    stage: Path
    layer: Path | None = None
    mounts: Sequence[Mount] = ()
    tmpfs: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = "0:0"
    cwd: str = "/"
    network: Path | None = None
    read_only: bool = False
    may: Sequence[str] | None = None
    """The capabilities that are left, as ``chown``; None leaves everything as it is."""

    def command(self, program: Sequence[str]) -> list[str]:
        """The command line that runs ``program`` in here; the process becomes the program itself."""
        inside = ["nsenter", f"--net={self.network}"] if self.network else []
        return [*inside, "unshare", "--mount", "sh", "-euc", "\n".join([*self._files(), self._start(program)])]

    def _files(self) -> list[str]:
        root, scratch = f"{self.stage}/root", f"{self.stage}/scratch"
        if self.layer is None:
            upper, work = f"{scratch}/upper", f"{scratch}/work"
            lines = [f"mkdir -p {root} {scratch}", f"mount -t tmpfs tmpfs {scratch}", f"mkdir {upper} {work}"]
        else:
            upper, work = str(self.layer), f"{self.layer}.work"
            lines = [f"mkdir -p {root} {upper} {work}"]
        lines += [f"mount -t overlay overlay -o lowerdir=/,upperdir={upper},workdir={work} {root}"]
        lines += [f"mount --rbind /{name} {root}/{name}" for name in ("proc", "sys", "dev")]
        lines += [f"chmod a+x {root}{folder}" for folder in _way_to_python()]
        for mount in self.mounts:
            target = f"{root}{mount.target}"
            make = f"mkdir -p {target}" if mount.source.is_dir() else f"mkdir -p $(dirname {target}); touch {target}"
            lines += [make, f"mount --bind {mount.source} {target}"]
            lines += [f"mount -o remount,bind,ro {target}"] if mount.read_only else []
        lines += [f"mkdir -p {root}{path}; mount -t tmpfs tmpfs {root}{path}" for path in self.tmpfs]
        return [*lines, f"mount -o remount,ro {root}"] if self.read_only else lines

    def _start(self, program: Sequence[str]) -> str:
        uid, gid = self.user.split(":")
        rights = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--pdeathsig=KILL"]
        if self.may is not None:
            kept = ",".join(["-all", *(f"+{name}" for name in self.may)])
            rights += ["--no-new-privs", f"--bounding-set={kept}", f"--inh-caps={kept}"]
        env = [f"{name}={value}" for name, value in {"PATH": os.environ["PATH"], **self.env}.items()]
        run = [*rights, "env", "-i", f"--chdir={self.cwd}", *env, *program]
        return f"exec chroot {self.stage}/root {shlex.join(run)}"


def need_jails() -> None:
    """Skip the test where no jail can be made, and fail it where CI runs it."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    reason = f"{', '.join(missing)} is needed (Debian: util-linux, iproute2)" if missing else ""
    if os.geteuid() != 0:
        reason = "network namespaces and overlays need root"
    if reason and os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)


def _way_to_python() -> list[str]:
    """The folders above this Python that a user other than root could perhaps not enter."""
    return [str(folder) for folder in Path(sys.base_prefix).resolve().parents if folder != Path("/")]
