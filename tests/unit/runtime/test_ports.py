from __future__ import annotations

import socket
from pathlib import Path

import pytest

from travelbuddy.runtime.ports import HIGHEST, LOWEST, PortBusy, PortPlan


def test_picked_ports_are_distinct_and_low(tmp_path: Path) -> None:
    """Ports stay below the range of outgoing connections, and two plans never share one."""
    first, second = PortPlan(tmp_path), PortPlan(tmp_path)
    ports = [plan.pick() for plan in (first, second) for _ in range(20)]
    first.close()
    second.close()
    assert len(set(ports)) == 40
    assert min(ports) >= LOWEST
    assert max(ports) <= HIGHEST < 32_768


def test_a_port_that_is_listened_on_is_busy(tmp_path: Path) -> None:
    """A port asked for by number and in use is refused with the option to change; a preferred one is replaced."""
    plan = PortPlan(tmp_path)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(PortBusy, match=f"Port {port} is in use.*--app-port"):
            plan.take(port, "--app-port")
        assert plan.take_or_pick(port) != port
    plan.close()


def test_a_closed_plan_gives_its_ports_back(tmp_path: Path) -> None:
    """A port reserved by one plan can be taken again once that plan is closed, and not before."""
    first, second = PortPlan(tmp_path), PortPlan(tmp_path)
    port = first.take(0, "--app-port")
    with pytest.raises(PortBusy):
        second.take(port, "--app-port")
    first.close()
    assert second.take(port, "--app-port") == port
    second.close()
