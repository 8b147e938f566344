"""What several replicas share: a proxy in front of them and a broker behind, both well-known servers run as children.

The in-memory broker lives in one sidecar, so its components are replaced by ones of Redis with the same names; the
state stays in the same files, and one replica or several can run on the same data.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.child import ProcessSpec

HOST = "127.0.0.1"
MORE_FOLDERS = "/usr/sbin:/usr/local/sbin"
"""Where servers live, often not on a user's PATH."""
IN_MEMORY = "pubsub.in-memory"
BETWEEN_REPLICAS = "replicapubsub"
RULES = Path(__file__).with_name("proxy.conf")
"""What the proxy does; the containers' nginx includes the same file."""
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

_NGINX = """daemon off;
worker_processes 1;
%(user)s
error_log stderr error;
pid nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
%(temporary)s
  upstream replicas {
    least_conn;
%(servers)s
    keepalive 64;
  }
  server {
    listen %(address)s;
    include "%(rules)s";
  }
}
"""


def needs_broker(resources: Path) -> bool:
    """True when a component of these resources lives in one sidecar only."""
    return any(map(_in_memory, documents(resources)))


def broker(data: Path, port: int) -> ProcessSpec:
    """A Redis for messages, with its data in the stack's folder."""
    folder = data / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    options = {"bind": HOST, "port": port, "dir": folder, "appendonly": "yes", "appendfsync": "everysec", "save": ""}
    flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return ProcessSpec(
        name="broker",
        command=(_program("redis-server", "redis-server"), *flags),
        cwd=folder,
        ports={"redis": port},
        ready_url=f"tcp://{HOST}:{port}",
        json_logs=False,
    )


def shared_resources(resources: Path, data: Path, broker_port: int) -> Path:
    """A copy of the resources in which every in-memory component is one of the broker's, under the same name."""
    folder = data / "resources"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in _files(resources):
        documents = _documents(file)
        if any(map(_in_memory, documents)):
            shared = [_on_redis(d, broker_port) if _in_memory(d) else d for d in documents]
            (folder / file.name).write_text(yaml.safe_dump_all(shared, sort_keys=False), encoding="utf-8")
        else:
            shutil.copy(file, folder / file.name)
    return folder


def proxy(data: Path, port: int, replicas: Sequence[int]) -> ProcessSpec:
    """An nginx on ``port`` that gives each request to the replica with the fewest open ones."""
    folder = data / "proxy"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(nginx_config(port, replicas), encoding="utf-8")
    return ProcessSpec(
        name="proxy",
        command=(_program("nginx", "nginx-light"), "-p", str(folder), "-e", "stderr", "-c", str(config)),
        cwd=folder,
        ports={"http": port},
        ready_url=f"http://{HOST}:{port}/ready",
        json_logs=False,
        stop_signal=signal.SIGQUIT,  # requests under way are finished; SIGTERM would cut them off
    )


def nginx_config(port: int, replicas: Sequence[int]) -> str:
    """The proxy's configuration: where it listens and whom it asks; the rest is in RULES."""
    servers = "\n".join(f"    server {HOST}:{replica} max_fails=0;" for replica in replicas)
    temporary = "\n".join(f"  {name}_temp_path {name}_temp;" for name in _TEMPORARY)
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    return _NGINX % {
        "user": user,
        "temporary": temporary,
        "servers": servers,
        "address": f"{HOST}:{port}",
        "rules": RULES,
    }


def _program(name: str, package: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), MORE_FOLDERS]))
    if found is None:
        raise RuntimeProblem(f"Several replicas need {name}. Install it (Debian: apt-get install {package}).")
    return found


def documents(resources: Path) -> list[Any]:
    """What the files of these resources hold. One that is no YAML is a RuntimeProblem."""
    return [document for file in _files(resources) for document in _documents(file)]


def _files(resources: Path) -> list[Path]:
    return sorted(file for file in resources.iterdir() if file.suffix in {".yaml", ".yml"})


def _documents(file: Path) -> list[Any]:
    try:
        return [document for document in yaml.safe_load_all(file.read_text(encoding="utf-8")) if document]
    except yaml.YAMLError as error:
        raise RuntimeProblem(f"{file} is not valid YAML: {error}") from error


def _in_memory(document: Any) -> bool:
    spec = document.get("spec") if isinstance(document, dict) else None
    return isinstance(spec, dict) and spec.get("type") == IN_MEMORY


def _on_redis(component: dict[str, Any], port: int) -> dict[str, Any]:
    """The component on Redis. What replicas tell each other must reach each: a consumer group for every sidecar."""
    between = component["metadata"]["name"] == BETWEEN_REPLICAS
    settings = {
        "redisHost": f"{HOST}:{port}",
        "redisPassword": "",
        "streamTTL": "10m" if between else "24h",
        "processingTimeout": "5s",
        "redeliverInterval": "2s",
        **({"consumerID": "{uuid}"} if between else {}),
    }
    metadata = [{"name": name, "value": value} for name, value in settings.items()]
    return {**component, "spec": {"type": "pubsub.redis", "version": "v1", "metadata": metadata}}
