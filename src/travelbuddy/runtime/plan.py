"""What a stack consists of: every program, its ports, its command line and how to see that it is ready."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.child import ProcessSpec
from travelbuddy.runtime.install import DaprRuntime
from travelbuddy.runtime.leases import SCHEDULER_ID, LeaderLease
from travelbuddy.runtime.ports import PortPlan
from travelbuddy.runtime.redis_servers import redis_settings
from travelbuddy.runtime.replicas import broker, needs_broker, proxy, shared_resources
from travelbuddy.runtime.tracing import sidecar_configuration, sidecar_environment
from travelbuddy.settings import load_settings

APP_ID = "stateful-llm"
HOST = "127.0.0.1"
GRACE = "2"  # seconds daprd gives running requests when it is asked to stop


@dataclass(frozen=True)
class StackOptions:
    """What the user chose. A port of 0 means any free one."""

    app_port: int = 8001
    dapr_http_port: int = 3500
    dapr_grpc_port: int = 50001
    data_dir: Path = Path(".travelbuddy")
    components: Path | None = None
    replicas: int = 1
    verbose: bool = False
    dapr_metrics: bool = False
    app_command: tuple[str, ...] = (sys.executable, "-m", "travelbuddy")
    tokens: Mapping[str, str] = field(default_factory=dict)  # see tokens.shared_tokens


@dataclass(frozen=True)
class StackPlan:
    """The programs of one stack. Each group is stopped, in this order, before the next one."""

    apps: tuple[ProcessSpec, ...]
    sidecars: tuple[ProcessSpec, ...]
    services: tuple[ProcessSpec, ...]
    proxies: tuple[ProcessSpec, ...] = ()

    @property
    def front(self) -> ProcessSpec:
        """Whoever answers on the app's port."""
        return (*self.proxies, *self.apps)[0]

    @property
    def groups(self) -> tuple[tuple[ProcessSpec, ...], ...]:
        """The groups in stopping order: whoever depends on another goes first.

        The proxies go with the apps: both take nothing new, and finish what is under way with each other's help.
        """
        return ((*self.proxies, *self.apps), self.sidecars, self.services)


def plan_stack(options: StackOptions, runtime: DaprRuntime, ports: PortPlan) -> StackPlan:
    """Choose every port and command line. An unusable choice is a RuntimeProblem; nothing is started."""
    if options.replicas < 1:
        raise RuntimeProblem("A stack needs at least one replica; choose --replicas 1 or more.")
    resources = find_components(options.components)
    data = options.data_dir.absolute()
    shared: list[ProcessSpec] = []
    if options.replicas > 1 and needs_broker(resources):
        shared.append(broker(data, ports.pick()))
        resources = shared_resources(resources, data, shared[0].ports["redis"])
    pairs = _pair_ports(options, ports)
    placement = _placement(runtime, data, ports)
    scheduler = _scheduler(runtime, data, ports)
    apps, sidecars = [], []
    for number, pair in enumerate(pairs, start=1):
        suffix = f"-{number}" if options.replicas > 1 else ""
        apps.append(_app(f"app{suffix}", pair, options, resources))
        control = (placement.ports["grpc"], scheduler.ports["grpc"])
        sidecars.append(_sidecar(f"daprd{suffix}", pair, control, runtime, resources, options))
    proxies: tuple[ProcessSpec, ...] = ()
    if options.replicas > 1:
        front = ports.take(options.app_port, "--app-port")
        proxies = (proxy(data, front, [pair.app for pair in pairs]),)
    return StackPlan(tuple(apps), tuple(sidecars), (scheduler, placement, *shared), proxies)


def find_components(chosen: Path | None) -> Path:
    """Return the folder of Dapr resources: the chosen one, else ``components`` here or beside the package."""
    source_tree = Path(__file__).resolve().parents[3]
    candidates = [chosen] if chosen is not None else [Path("components"), source_tree / "components"]
    for folder in candidates:
        if folder.is_dir():
            return folder.absolute()
    raise RuntimeProblem(f"There is no folder {candidates[0]}; name one with Dapr components by --components.")


@dataclass(frozen=True)
class _PairPorts:
    """The ports of one app and its sidecar."""

    app: int
    http: int
    grpc: int
    internal: int
    metrics: int


def _pair_ports(options: StackOptions, ports: PortPlan) -> list[_PairPorts]:
    alone = options.replicas == 1
    first = _PairPorts(
        app=ports.take(options.app_port, "--app-port") if alone else ports.pick(),
        http=ports.take(options.dapr_http_port, "--dapr-http-port"),
        grpc=ports.take(options.dapr_grpc_port, "--dapr-grpc-port"),
        internal=ports.pick(),
        metrics=ports.pick(),
    )
    others = [_PairPorts(*(ports.pick() for _ in range(5))) for _ in range(1, options.replicas)]
    return [first, *others]


def _app(name: str, pair: _PairPorts, options: StackOptions, resources: Path) -> ProcessSpec:
    env = {
        "APP_PORT": str(pair.app),
        "DAPR_HTTP_PORT": str(pair.http),
        "DAPR_GRPC_PORT": str(pair.grpc),
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "1",  # one thread does the work; more arenas only keep memory apart
        **({} if load_settings().audit_log else {"AUDIT_LOG": str(options.data_dir.absolute() / "logs" / "audit.log")}),
        **redis_settings(resources, os.environ),
        **_no_proxy(),
        **options.tokens,
    }
    return ProcessSpec(
        name=name,
        command=options.app_command,
        cwd=Path.cwd(),  # where .env is
        ports={"http": pair.app},
        ready_url=f"http://{HOST}:{pair.app}/ready",
        env=env,
        json_logs=False,
        with_keys=True,
    )


def _sidecar(
    name: str,
    pair: _PairPorts,
    control: tuple[int, int],
    runtime: DaprRuntime,
    resources: Path,
    options: StackOptions,
) -> ProcessSpec:
    placement, scheduler = control
    config = sidecar_configuration(resources, options.data_dir.absolute(), load_settings())
    flags = {
        "app-id": APP_ID,
        "app-port": pair.app,
        "app-protocol": "http",
        "dapr-http-port": pair.http,
        "dapr-grpc-port": pair.grpc,
        "dapr-internal-grpc-port": pair.internal,
        "dapr-listen-addresses": HOST,
        "dapr-internal-grpc-listen-address": HOST,
        "placement-host-address": f"{HOST}:{placement}",
        "scheduler-host-address": f"{HOST}:{scheduler}",
        "resources-path": resources,
        "dapr-graceful-shutdown-seconds": GRACE,
        "enable-metrics": str(options.dapr_metrics).lower(),
        "metrics-port": pair.metrics,
        "metrics-listen-address": HOST,
        "log-as-json": "true",
        **({"config": config} if config.exists() else {}),
    }
    return ProcessSpec(
        name=name,
        command=_command(runtime, "daprd", flags),
        cwd=options.data_dir.absolute(),  # the components name their files relative to it
        ports={"http": pair.http, "grpc": pair.grpc, "internal": pair.internal, "metrics": pair.metrics},
        ready_url=f"http://{HOST}:{pair.http}/v1.0/healthz/outbound",
        env=_sidecar_env(name, options),
    )


def _sidecar_env(name: str, options: StackOptions) -> dict[str, str]:
    traces = sidecar_environment(name, load_settings())
    return {"DAPR_HOST_IP": HOST, **traces, **_no_proxy(), **options.tokens}  # the first is for the other sidecars


def _placement(runtime: DaprRuntime, data: Path, ports: PortPlan) -> ProcessSpec:
    chosen = {"grpc": ports.pick(), "health": ports.pick(), "raft": ports.pick()}
    flags = {
        "port": chosen["grpc"],
        "listen-address": HOST,
        "initial-cluster": f"dapr-placement-0={HOST}:{chosen['raft']}",
    }
    return _service("placement", runtime, data, chosen, flags)


def _scheduler(runtime: DaprRuntime, data: Path, ports: PortPlan) -> ProcessSpec:
    chosen = {"grpc": ports.pick(), "health": ports.pick(), "etcd": ports.pick(), "peer": ports.pick()}
    flags = {
        "id": SCHEDULER_ID,
        "port": chosen["grpc"],
        "listen-address": HOST,
        "override-broadcast-host-port": f"{HOST}:{chosen['grpc']}",
        "etcd-data-dir": data / "scheduler",
        "etcd-client-listen-address": HOST,
        "etcd-client-port": chosen["etcd"],
        "etcd-initial-cluster": f"{SCHEDULER_ID}=http://{HOST}:{chosen['peer']}",
    }
    lease = LeaderLease(chosen["etcd"], data / "scheduler.lease")
    return _service("scheduler", runtime, data, chosen, flags, lease)


def _service(
    name: str,
    runtime: DaprRuntime,
    data: Path,
    ports: dict[str, int],
    flags: dict[str, object],
    lease: LeaderLease | None = None,
) -> ProcessSpec:
    common = {
        "healthz-listen-address": HOST,
        "healthz-port": ports["health"],
        "enable-metrics": "false",
        "log-as-json": "true",
    }
    return ProcessSpec(
        name=name,
        command=_command(runtime, name, {**flags, **common}),
        cwd=data,
        ports=ports,
        ready_url=f"http://{HOST}:{ports['health']}/healthz",
        env=_no_proxy(),
        after_start=lease.renew if lease is not None else None,
    )


def _command(runtime: DaprRuntime, name: str, flags: dict[str, object]) -> tuple[str, ...]:
    return (runtime.program(name), *(f"--{flag}={value}" for flag, value in flags.items()))


def _no_proxy() -> dict[str, str]:
    """Keep traffic between the programs off a proxy that the machine may have configured."""
    known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = ",".join(filter(None, [known, "localhost", HOST]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}
