"""Where Redis is, as the components say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from travelbuddy.runtime.redis_servers import redis_settings

ROOT = Path(__file__).resolve().parents[3]
HOST = {"name": "redisHost", "value": "10.0.0.1:7000"}


def _resources(folder: Path, *components: tuple[str, list[dict[str, Any]]]) -> Path:
    documents = [{"spec": {"type": kind, "metadata": metadata}} for kind, metadata in components]
    (folder / "all.yaml").write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return folder


def test_the_shipped_components_are_understood() -> None:
    """Redis for both, for the messages alone, and for nothing: in the environment of the sidecars."""
    sidecars = {"REDIS_HOST": "redis:6379", "REDIS_PASSWORD": "secret"}
    shipped = ROOT / "deploy" / "components"
    assert redis_settings(shipped / "redis", sidecars) == {
        "STATE_REDIS": "redis:6379",
        "BROKER_REDIS": "redis:6379",
        "REDIS_PASSWORD": "secret",
    }
    assert redis_settings(shipped / "postgres", sidecars) == {"BROKER_REDIS": "redis:6379", "REDIS_PASSWORD": "secret"}
    assert redis_settings(ROOT / "components", sidecars) == {}
    assert redis_settings(shipped / "redis", {}) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"name": "enableTLS", "value": True},
        {"name": "enableTLS", "value": "true"},
        {"name": "redisType", "value": "cluster"},
        {"name": "redisUsername", "value": "dapr"},
        {"name": "redisPassword", "secretKeyRef": {"name": "redis", "key": "password"}},
    ],
)
def test_a_server_that_is_reached_otherwise_is_left_out(tmp_path: Path, more: dict[str, Any]) -> None:
    """Over TLS, in a cluster, by name, or with a password that only daprd learns."""
    assert redis_settings(_resources(tmp_path, ("state.redis", [HOST, more])), {}) == {}


def test_values_are_taken_as_they_stand(tmp_path: Path) -> None:
    """A host without a port has Redis' own; of two passwords the first one counts, and its servers."""
    plain: list[dict[str, Any]] = [{"name": "redisHost", "value": "one"}, {"name": "enableTLS", "value": False}]
    other = [HOST, {"name": "redisPassword", "value": "another"}]
    found = redis_settings(_resources(tmp_path, ("state.redis", plain), ("pubsub.redis", other)), {})
    assert found == {"STATE_REDIS": "one:6379", "REDIS_PASSWORD": ""}
