"""The Dockerfile's own steps, with this machine for its base: what they lead to runs, and a step less does not."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.framework.image import ROOT, Build, Image
from tests.integration.framework.jail import Jail, need_jails
from tests.integration.framework.network import Network
from tests.integration.framework.polling import poll_until

pytestmark = pytest.mark.stores("sqlite", because="the image knows no store")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Built once for this file."""
    need_jails()
    return Build(tmp_path_factory.mktemp("image")).image


@pytest.fixture
def place() -> Iterator[Path]:
    """The network of one container, alone."""
    network = Network([])
    yield network.join("alone", [])[0]
    network.close()


async def test_it_serves_as_a_user_of_its_own_and_writes_nothing(image: Image, place: Path, tmp_path: Path) -> None:
    """Under uid 10001, without a right and on a read-only root, its health check is content; SIGTERM is exit code 0."""
    assert image.user == "10001:10001"
    common = {
        "mounts": [image.files],
        "tmpfs": ["/tmp"],  # noqa: S108  the container's own
        "env": {**image.env, "INSECURE": "true"},
        "user": image.user,
        "cwd": image.cwd,
        "network": place,
        "read_only": True,
        "may": [],
    }
    serving = Jail(stage=tmp_path / "serving", **common).command(image.command)  # type: ignore[arg-type]
    check = Jail(stage=tmp_path / "check", **common).command(image.health)  # type: ignore[arg-type]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            await poll_until(lambda: subprocess.run(check, capture_output=True).returncode == 0, 20, "it is healthy")
            status = Path(f"/proc/{process.pid}/status").read_text()  # noqa: ASYNC240  a file of the kernel
            assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", status, re.MULTILINE)
            assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
        finally:
            process.terminate()
        said, _ = process.communicate(timeout=25)
    assert process.returncode == 0, said


def test_it_holds_no_tools_of_development(image: Image) -> None:
    """What is installed is what the service needs: no tests, no linters, no sources."""
    installed = {path.name for path in image.files.source.glob(".venv/lib/python*/site-packages/*")}
    assert {"travelbuddy", "fastapi", "dapr"} <= installed
    assert not {"pytest", "mypy", "ruff", "hypothesis", "openai", "uv", "dapr_agents"} & installed
    assert [path.name for path in image.files.source.iterdir()] == [".venv"]
    (package,) = image.files.source.glob(".venv/lib/python*/site-packages/travelbuddy")
    assert list(package.glob("__pycache__/*.pyc")), "compiled"
    page = ROOT / "src" / "travelbuddy" / "web"
    files = {path.relative_to(page) for path in page.rglob("*") if path.is_file()}
    assert {path.relative_to(package / "web") for path in package.glob("web/**/*") if path.is_file()} == files != set()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """What an image is built from, to be changed; its packages are not compiled, as nobody runs them."""
    need_jails()
    context = tmp_path / "context"
    context.mkdir()
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "uv.lock", "README.md"):
        shutil.copy(ROOT / name, context)
    (context / "src").symlink_to(ROOT / "src")
    dockerfile = (context / "Dockerfile").read_text()
    (context / "Dockerfile").write_text(dockerfile.replace("UV_COMPILE_BYTECODE=1", "UV_COMPILE_BYTECODE=0"))
    return context


def test_no_code_is_no_service(context: Path, tmp_path: Path) -> None:
    """An image that is built without the sources holds no package of ours."""
    dockerfile = (context / "Dockerfile").read_text()
    (context / "Dockerfile").write_text(dockerfile.replace("COPY src ./src\n", ""))
    without = Build(tmp_path / "without", context).image.files.source
    assert not list(without.glob(".venv/lib/python*/site-packages/travelbuddy"))


def test_a_file_that_was_forgotten_is_noticed(context: Path, tmp_path: Path) -> None:
    """A step that lacks a file fails, and what .dockerignore keeps back is not copied."""
    dockerfile = (context / "Dockerfile").read_text()
    (context / "Dockerfile").write_text(dockerfile.replace(" README.md ./", " ./"))
    with pytest.raises(AssertionError, match=r"RUN .*--no-editable"):
        Build(tmp_path / "one", context)
    (context / "Dockerfile").write_text(dockerfile)
    (context / ".dockerignore").write_text("*\n!pyproject.toml\n!uv.lock\n")
    with pytest.raises(AssertionError, match=r"\.dockerignore keeps back"):
        Build(tmp_path / "two", context)
