from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.install import DaprRuntime
from travelbuddy.runtime.plan import StackOptions, StackPlan, find_components, plan_stack
from travelbuddy.runtime.ports import PortPlan

RUNTIME = DaprRuntime(Path("/dapr"), "1.18.2", "a test")


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[PortPlan]:
    """Ports reserved for one test."""
    plan = PortPlan(tmp_path / "ports")
    yield plan
    plan.close()


def planned(tmp_path: Path, ports: PortPlan, replicas: int) -> StackPlan:
    """The plan of a stack on any free ports."""
    options = StackOptions(0, 0, 0, tmp_path, components=tmp_path, replicas=replicas)
    return plan_stack(options, RUNTIME, ports)


@pytest.mark.parametrize("replicas", [1, 3])
def test_no_two_programs_share_a_port(tmp_path: Path, ports: PortPlan, replicas: int) -> None:
    """All ports of a stack differ and lie below the range of outgoing connections."""
    specs = [spec for group in planned(tmp_path, ports, replicas).groups for spec in group]
    used = [port for spec in specs for port in spec.ports.values()]
    assert len(specs) == 2 * replicas + 2 + (replicas > 1)
    assert len(used) == len(set(used))
    assert max(used) < 32_768


def test_replicas_are_numbered_pairs(tmp_path: Path, ports: PortPlan) -> None:
    """One pair is ``app`` and ``daprd``; several are numbered, and each sidecar speaks to its own app."""
    plan = planned(tmp_path, ports, 2)
    assert [spec.name for spec in (*plan.apps, *plan.sidecars)] == ["app-1", "app-2", "daprd-1", "daprd-2"]
    for app, sidecar in zip(plan.apps, plan.sidecars, strict=True):
        assert f"--app-port={app.ports['http']}" in sidecar.command
        assert app.env["DAPR_GRPC_PORT"] == str(sidecar.ports["grpc"])


def test_everything_listens_on_loopback_only(tmp_path: Path, ports: PortPlan) -> None:
    """Every listen address on a command line is 127.0.0.1."""
    specs = [spec for group in planned(tmp_path, ports, 1).groups for spec in group]
    addresses = [flag for spec in specs for flag in spec.command if "listen-address" in flag]
    assert addresses
    assert all(flag.endswith("=127.0.0.1") for flag in addresses)


def test_a_missing_components_folder_is_one_line(tmp_path: Path) -> None:
    """A folder of resources that is not there is refused by its name."""
    with pytest.raises(RuntimeProblem, match=r"There is no folder .*nowhere.*--components"):
        find_components(tmp_path / "nowhere")


def test_the_embedded_components_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a choice and without a folder here, the resources of the source tree are used."""
    monkeypatch.chdir(tmp_path)
    assert (find_components(None) / "workflowstatestore.yaml").exists()


def test_several_replicas_stand_behind_a_proxy_on_the_app_port(tmp_path: Path, ports: PortPlan) -> None:
    """The proxy has the port that was asked for, and gives each request to the app with the fewest open ones."""
    plan = planned(tmp_path, ports, 2)
    assert plan.front.name == "proxy"
    config = (tmp_path / "proxy" / "nginx.conf").read_text()
    assert "least_conn;" in config
    for app in plan.apps:
        assert f"server 127.0.0.1:{app.ports['http']} " in config


def test_an_in_memory_broker_becomes_a_shared_one(tmp_path: Path, ports: PortPlan) -> None:
    """With several replicas the in-memory components are replaced, names kept, everything else as it was."""
    components = find_components(None)
    plan = plan_stack(StackOptions(0, 0, 0, tmp_path, components=components, replicas=2), RUNTIME, ports)
    assert [spec.name for spec in plan.services] == ["scheduler", "placement", "broker"]
    shared = {path.name: path.read_text() for path in (tmp_path / "resources").iterdir()}
    assert set(shared) == {path.name for path in components.iterdir()}
    for name in ("messagepubsub.yaml", "replicapubsub.yaml"):
        assert "pubsub.redis" in shared[name]
        assert f"name: {name.removesuffix('.yaml')}" in shared[name]
    assert "{uuid}" in shared["replicapubsub.yaml"]
    assert "{uuid}" not in shared["messagepubsub.yaml"]
    assert shared["conversationstore.yaml"] == (components / "conversationstore.yaml").read_text()
    for sidecar in plan.sidecars:
        assert f"--resources-path={tmp_path / 'resources'}" in sidecar.command


def test_own_components_need_no_broker_of_ours(tmp_path: Path, ports: PortPlan) -> None:
    """Resources without an in-memory component are used as they are."""
    plan = planned(tmp_path, ports, 2)
    assert [spec.name for spec in plan.services] == ["scheduler", "placement"]


def test_a_missing_server_is_one_line(tmp_path: Path, ports: PortPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without nginx several replicas are refused with what to install."""
    monkeypatch.setattr("travelbuddy.runtime.replicas.MORE_FOLDERS", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeProblem, match=r"need nginx. Install it \(Debian: apt-get install nginx-light\)"):
        planned(tmp_path, ports, 2)


def test_a_proxy_is_asked_to_finish_together_with_its_apps(tmp_path: Path, ports: PortPlan) -> None:
    """It stops with them, by the signal on which nginx finishes what is under way; sidecars and services come after."""
    first, *others = planned(tmp_path, ports, 2).groups
    assert [(spec.name, spec.stop_signal.name) for spec in first] == [
        ("proxy", "SIGQUIT"),
        ("app-1", "SIGTERM"),
        ("app-2", "SIGTERM"),
    ]
    assert [[spec.name for spec in group][:2] for group in others] == [
        ["daprd-1", "daprd-2"],
        ["scheduler", "placement"],
    ]


def test_sidecars_show_their_metrics_where_that_is_wanted(tmp_path: Path, ports: PortPlan) -> None:
    """Off by default; with ``dapr_metrics`` each sidecar has a port for them, on the loopback interface."""
    (quiet,) = planned(tmp_path, ports, 1).sidecars
    assert "--enable-metrics=false" in quiet.command
    options = StackOptions(0, 0, 0, tmp_path, components=tmp_path, dapr_metrics=True)
    (shown,) = plan_stack(options, RUNTIME, ports).sidecars
    wanted = {"--enable-metrics=true", f"--metrics-port={shown.ports['metrics']}", "--metrics-listen-address=127.0.0.1"}
    assert wanted <= set(shown.command)
