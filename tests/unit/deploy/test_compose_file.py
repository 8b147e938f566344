"""The files of the containers, as far as they can be judged without an engine; each check sees a seeded error."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.integration.framework.composed import FILE, compose, services
from tests.integration.framework.image import ROOT, instructions

from travelbuddy.runtime.install import DAPR_VERSION

HADOLINT = str(Path(sys.executable).parent / "hadolint")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROXY = ROOT / "src" / "travelbuddy" / "runtime" / "proxy.conf"
ROOT_ONLY_FOR = {"prepare"}
"""It gives files away, which only root may."""


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    """Every service of the file."""
    return services()


def test_compose_accepts_the_file_and_not_one_with_a_slip(tmp_path: Path) -> None:
    """Docker Compose itself reads the file; an unknown key, a missing service or a volume of no name is refused."""
    assert compose("config", "--quiet", "--no-env-resolution").returncode == 0
    for right, wrong in [
        ("read_only: true", "readonly: true"),
        ("depends_on: [daprd-1]", "depends_on: [daprd-3]"),
        ("redis-data:/data", "redis-dat:/data"),
        ("memory: 1g", "memory: many"),
    ]:
        text = FILE.read_text(encoding="utf-8")
        assert right in text
        broken = tmp_path / "docker-compose.yml"
        broken.write_text(text.replace(right, wrong))
        assert compose("config", "--quiet", "--no-env-resolution", file=broken).returncode != 0, wrong


def test_the_linter_accepts_the_dockerfile_and_not_one_with_a_slip() -> None:
    """The linter has nothing to say, but to an image without a version, a shell-form command, an unpinned package."""
    assert _hadolint(DOCKERFILE) == ""
    for right, wrong in [
        ("FROM python:${PYTHON} AS runtime", "FROM python AS runtime"),
        ('CMD ["python", "-m", "travelbuddy"]', "CMD python -m travelbuddy"),
        ("uv==0.13.9", "uv"),
    ]:
        assert right in DOCKERFILE
        assert _hadolint(DOCKERFILE.replace(right, wrong)), wrong


def test_nginx_accepts_its_configuration_and_not_one_with_a_slip(tmp_path: Path) -> None:
    """`nginx -t` on the real files, with addresses for the names that only containers know."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None and os.environ.get("CI"):
        pytest.fail("nginx is needed (Debian: apt-get install nginx-light)")
    if nginx is None:
        pytest.skip("nginx is needed (Debian: apt-get install nginx-light)")
    text = (ROOT / "deploy" / "compose" / "nginx.conf").read_text(encoding="utf-8")
    text = re.sub(r"server (app|sidecar)-\d", "server 127.0.0.1", text)
    text = text.replace("/tmp/", f"{tmp_path}/").replace("/etc/nginx/travelbuddy.conf", str(PROXY))  # noqa: S108
    config = tmp_path / "nginx.conf"
    for right, wrong in [("", ""), ("least_conn", "least_con"), ("limit_except GET", "limit_except GOT")]:
        config.write_text(text.replace(right, wrong))
        checked = subprocess.run([nginx, "-t", "-c", config, "-e", "stderr"], capture_output=True, text=True)
        assert (checked.returncode == 0) is (right == wrong), checked.stderr


def test_no_container_has_more_rights_than_it_needs(parts: dict[str, Any]) -> None:
    """Nobody is root, writes to its root, or has or gains a capability; each has limits, and logs that end."""
    for name, service in parts.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["CHOWN"] if name in ROOT_ONLY_FOR else []), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert (service["user"].split(":")[0] == "0") is (name in ROOT_ONLY_FOR), name
        assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys(), name
        assert "max-size" in service["logging"]["options"], name
        assert service["restart"] == ("no" if name in ROOT_ONLY_FOR else "unless-stopped"), name
        assert re.search(r":v?\d+\.\d+", service["image"]), f"{name}: an image of any version"


def test_only_what_people_look_at_is_published_and_on_loopback(parts: dict[str, Any]) -> None:
    """nginx, Prometheus, Grafana and Jaeger, each on 127.0.0.1; Redis and the control plane have no way out."""
    published = {name: service["ports"] for name, service in parts.items() if service.get("ports")}
    assert set(published) == {"nginx", "prometheus", "grafana", "jaeger"}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    for name in ("redis", "placement", "scheduler"):
        assert list(parts[name]["networks"]) == ["back"], name
    assert "internal: true" in re.search(r"\n  back: (.*)", FILE.read_text(encoding="utf-8"))[0]  # type: ignore[index]


def test_mounted_files_are_there(parts: dict[str, Any]) -> None:
    """What is mounted from the repository is in it: an engine would make an empty folder of a missing file."""
    for name, service in parts.items():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), f"{name}: {volume['source']}"


def test_no_secret_is_in_the_file(parts: dict[str, Any]) -> None:
    """Whatever sounds like a secret is not set in the environment of a container."""
    for name, service in parts.items():
        for variable in service.get("environment") or {}:
            assert not re.search(r"PASSWORD|TOKEN|SECRET|(?<!API)_KEY$", variable), f"{name}: {variable}"


def test_versions_agree(parts: dict[str, Any]) -> None:
    """The image has the project's version, Dapr is the one that is built here, and uv is the Makefile's."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert {parts[name]["image"] for name in ("app-1", "app-2")} == {f"travelbuddy:{version}"}
    assert f'image.version="{version}"' in DOCKERFILE
    sidecars = {service["image"] for service in parts.values() if service["image"].startswith("daprio/")}
    assert {image.partition(":")[2] for image in sidecars} == {DAPR_VERSION}
    uv = re.search(r"^UV_VERSION := (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert uv is not None
    assert f"uv=={uv[1]}" in DOCKERFILE


def test_the_image_runs_as_nobody_special() -> None:
    """The last stage has a user that is not root, a health check, and commands that are no shell's."""
    last = dict(instructions(DOCKERFILE.rpartition("FROM ")[2]))
    assert last["USER"] == "10001:10001"
    assert last["CMD"].startswith("[")
    assert "CMD [" in last["HEALTHCHECK"]


def _hadolint(dockerfile: str) -> str:
    return subprocess.run([HADOLINT, "-"], input=dockerfile, capture_output=True, text=True).stdout
