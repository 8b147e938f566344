"""The Dockerfile's own steps, done on this machine: what it copies and runs, in a layer above the machine's files."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.framework.jail import Jail, Mount

ROOT = Path(__file__).resolve().parents[3]
REGISTRIES = ("PIP_", "UV_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy")
"""Settings of the machine that say where packages come from."""


@dataclass
class Image:
    """What a stage of the Dockerfile leads to."""

    layer: Path
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    @property
    def files(self) -> Mount:
        """What the image adds to the machine: its work directory."""
        return Mount(self.layer / self.cwd.lstrip("/"), self.cwd)


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Each instruction with its arguments, comments and line breaks gone."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined)]


class Build:
    """``Build(folder).image`` is the last stage. FROM is this machine: its Python and its system, not the image's."""

    def __init__(self, folder: Path, context: Path = ROOT) -> None:
        self._folder = folder
        self._context = context
        ignored = (context / ".dockerignore").read_text(encoding="utf-8").split()
        self._sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
        self._stages: dict[str, Image] = {}
        self.image = Image(folder)
        for word, arguments in instructions((context / "Dockerfile").read_text(encoding="utf-8")):
            getattr(self, f"_{word.lower()}", self._nothing)(arguments)

    def _nothing(self, arguments: str) -> None:
        """LABEL, EXPOSE, ARG, STOPSIGNAL: nothing to do here."""

    def _from(self, arguments: str) -> None:
        name = arguments.split(" AS ")[1]
        self.image = self._stages[name] = Image(self._folder / name, {"PATH": os.environ["PATH"]})
        self.image.layer.mkdir(parents=True)

    def _workdir(self, arguments: str) -> None:
        self.image.cwd = arguments
        (self.image.layer / arguments.lstrip("/")).mkdir(parents=True)

    def _env(self, arguments: str) -> None:
        for pair in shlex.split(arguments):
            name, _, value = pair.partition("=")
            self.image.env[name] = value.replace("$PATH", self.image.env["PATH"])

    def _user(self, arguments: str) -> None:
        self.image.user = arguments

    def _cmd(self, arguments: str) -> None:
        self.image.command = _exec_form(arguments)

    def _healthcheck(self, arguments: str) -> None:
        self.image.health = _exec_form(arguments.partition(" CMD ")[2])

    def _copy(self, arguments: str) -> None:
        *sources, target = arguments.split()
        origin = self._context
        if sources[0].startswith("--from="):
            origin = self._stages[sources.pop(0).removeprefix("--from=")].layer
        else:
            assert set(sources) <= self._sent, f".dockerignore keeps back something of {sources}"
        place = self.image.layer / self.image.cwd.lstrip("/") / target
        for source in sources:
            found = origin / source.lstrip("/")
            if found.is_dir():
                ignore = shutil.ignore_patterns("__pycache__") if origin == self._context else None
                shutil.copytree(found, place, symlinks=True, ignore=ignore)
            else:
                shutil.copy(found, place)

    def _run(self, arguments: str) -> None:
        caches = [Path(path) for path in re.findall(r"--mount=type=cache,target=(\S+)", arguments)]
        shell = re.sub(r"--mount=\S+ ", "", arguments)
        machine = {name: value for name, value in os.environ.items() if name.startswith(REGISTRIES)}
        machine.pop("UV_PROJECT_ENVIRONMENT", None)  # `make` sets it for its own environment
        jail = Jail(
            layer=self.image.layer,
            stage=self._folder / "stage",
            mounts=[Mount(path, str(path), read_only=False) for path in caches if path.is_dir()],
            env={**machine, **self.image.env, "HOME": str(Path.home())},
            cwd=self.image.cwd,
        )
        done = subprocess.run(
            jail.command(["sh", "-euc", shell]), capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, f"RUN {shell}\n{done.stdout}{done.stderr}"


def _exec_form(arguments: str) -> list[str]:
    words: list[str] = json.loads(arguments)
    return words
