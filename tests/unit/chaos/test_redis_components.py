"""The components for Redis: the same parts as the embedded default's, all of them durable and shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]


def _documents(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Kind and name of every resource of a folder."""
    found = [document for file in sorted(folder.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())]
    return {(document["kind"], document["metadata"]["name"]): document for document in found}


EMBEDDED, REDIS = _documents(ROOT / "components"), _documents(ROOT / "deploy" / "components" / "redis")


def _settings(name: str) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in REDIS["Component", name]["spec"]["metadata"]}


def test_the_same_resources_are_there() -> None:
    """Each resource of the embedded default has its counterpart of the same kind and name."""
    assert set(REDIS) == set(EMBEDDED)


@pytest.mark.parametrize("kind", ["Configuration", "Subscription", "Resiliency"])
def test_what_is_no_component_is_the_same(kind: str) -> None:
    """Retention, subscriptions and delivery do not depend on where things are stored."""
    names = [name for known, name in EMBEDDED if known == kind]
    assert names
    assert [REDIS[kind, name]["spec"] for name in names] == [EMBEDDED[kind, name]["spec"] for name in names]


def test_every_component_is_in_redis() -> None:
    """Nothing stays in one process or one file, and no other app that loads the folder gets it."""
    types = {document["spec"]["type"] for (kind, _), document in REDIS.items() if kind == "Component"}
    assert types == {"state.redis", "pubsub.redis"}
    assert all(document["scopes"] == ["stateful-llm"] for (kind, _), document in REDIS.items() if kind == "Component")
    assert _settings("workflowstatestore")["actorStateStore"] == "true"


def test_a_message_of_a_killed_sidecar_is_delivered_again_within_ten_seconds() -> None:
    """What the dead one had taken is given to another after the time-out, at the next look."""
    settings = _settings("messagepubsub")
    assert int(settings["processingTimeout"][:-1]) + int(settings["redeliverInterval"][:-1]) < 10
