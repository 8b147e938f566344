"""The components for every store: the same resources as the embedded default's, with settings that Dapr knows."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DEPLOYED = ROOT / "deploy" / "components"
STORES = ("redis", "postgres", "dynamodb", "mongodb")
SAME = ("configuration.yaml", "resiliency.yaml", "subscription.yaml")
"""What does not depend on where things are stored."""
BROKERS = ("rabbitmq", "kafka")
NOT_TESTED = {"mongodb", "kafka", "rabbitmq", "dynamodb"}

# What each component of Dapr 1.18 may be told, as far as our files do; daprd itself takes the names of RUNTIME.
RUNTIME = {"actorStateStore", "keyPrefix", "consumerID"}
KNOWN = {
    "state.sqlite/v1": {"connectionString", "busyTimeout", "tableName", "metadataTableName", "cleanupInterval"},
    "state.redis/v1": {"redisHost", "redisPassword", "poolSize", "minIdleConns", "idleTimeout"},
    "state.postgresql/v2": {
        *("connectionString", "tablePrefix", "metadataTableName", "maxConns", "connectionMaxIdleTime"),
        *("cleanupInterval", "queryExecMode"),
    },
    "state.mongodb/v1": {
        *("connectionString", "databaseName", "collectionName", "writeconcern", "readconcern", "operationTimeout"),
    },
    "state.aws.dynamodb/v1": {"table", "endpoint", "ttlAttributeName"},
    "pubsub.in-memory/v1": set(),
    "pubsub.redis/v1": {
        *("redisHost", "redisPassword", "poolSize", "idleTimeout", "concurrency"),
        *("processingTimeout", "redeliverInterval", "streamTTL"),
    },
    "pubsub.rabbitmq/v1": {
        *("connectionString", "durable", "deletedWhenUnused", "deliveryMode", "publisherConfirm", "autoAck"),
        *("requeueInFailure", "prefetchCount", "reconnectWaitSeconds", "ttlInSeconds"),
    },
    "pubsub.kafka/v1": {
        *("brokers", "authType", "disableTls", "consumerGroup", "initialOffset", "producerRequiredAcks"),
        *("consumeRetryEnabled", "maxMessageBytes", "version"),
    },
}
AWS = {"region", "accessKey", "secretKey"}
"""Of every component on AWS; components-contrib lists them apart."""
FOLDERS = {
    "state.postgresql/v2": "state/postgresql/v2",
    "state.aws.dynamodb/v1": "state/aws/dynamodb",
}


def _documents(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Kind and name of every resource of a folder."""
    found = [document for file in sorted(folder.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())]
    return {(document["kind"], document["metadata"]["name"]): document for document in found}


EMBEDDED = _documents(ROOT / "components")
FILES = [
    file
    for folder in (ROOT / "components", *(DEPLOYED / name for name in STORES), DEPLOYED / "pubsub")
    for file in sorted(folder.rglob("*pubsub.yaml")) + sorted(folder.rglob("*store.yaml"))
]


def _settings(component: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in component["spec"]["metadata"]}


def _type(component: dict[str, Any]) -> str:
    return f"{component['spec']['type']}/{component['spec']['version']}"


@pytest.mark.parametrize("store", STORES)
def test_the_same_resources_are_there(store: str) -> None:
    """Each resource of the embedded default has its counterpart of the same kind and name."""
    assert set(_documents(DEPLOYED / store)) == set(EMBEDDED)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("file", SAME)
def test_what_is_no_component_is_the_same(store: str, file: str) -> None:
    """Retention, subscriptions and delivery do not depend on where things are stored: the files are equal."""
    assert (DEPLOYED / store / file).read_bytes() == (ROOT / "components" / file).read_bytes()


@pytest.mark.parametrize("store", STORES[1:])
@pytest.mark.parametrize("file", ["messagepubsub.yaml", "replicapubsub.yaml"])
def test_stores_without_a_broker_have_the_one_of_redis(store: str, file: str) -> None:
    """There is one set of settings for Redis Streams, wherever it is used."""
    assert (DEPLOYED / store / file).read_bytes() == (DEPLOYED / "redis" / file).read_bytes()


@pytest.mark.parametrize("broker", BROKERS)
def test_another_broker_takes_the_place_of_both_components(broker: str) -> None:
    """Copied over a store's folder they replace its two components for messages, and nothing else."""
    assert set(_documents(DEPLOYED / "pubsub" / broker)) == {
        ("Component", "messagepubsub"),
        ("Component", "replicapubsub"),
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_component_is_told_what_dapr_knows(file: Path) -> None:
    """A misspelt setting would do nothing, and nobody would be told; values are texts, as Dapr wants them."""
    component = yaml.safe_load(file.read_text())
    known = KNOWN[_type(component)] | RUNTIME | (AWS if "aws" in component["spec"]["type"] else set())
    assert set(_settings(component)) <= known
    assert all(isinstance(each.get("value", each.get("envRef")), str) for each in component["spec"]["metadata"])
    assert component["scopes"] == ["stateful-llm"], "no other app that loads the folder gets it"


@pytest.mark.parametrize("store", STORES)
def test_nothing_stays_in_one_process(store: str) -> None:
    """Replicas share everything, workflows have their store, and who connects is told by the environment."""
    components = {name: c for (kind, name), c in _documents(DEPLOYED / store).items() if kind == "Component"}
    assert not {_type(component) for component in components.values()} & {"pubsub.in-memory/v1", "state.sqlite/v1"}
    assert _settings(components["workflowstatestore"])["actorStateStore"] == "true"
    assert _settings(components["conversationstore"])["keyPrefix"] == "appid"
    assert _settings(components["replicapubsub"])["consumerID"] == "{uuid}"
    for component in components.values():
        assert any("envRef" in each for each in component["spec"]["metadata"])


def test_a_message_of_a_killed_sidecar_is_delivered_again_within_ten_seconds() -> None:
    """What the dead one had taken is given to another after the time-out, at the next look."""
    settings = _settings(yaml.safe_load((DEPLOYED / "redis" / "messagepubsub.yaml").read_text()))
    assert int(settings["processingTimeout"][:-1]) + int(settings["redeliverInterval"][:-1]) < 10


def test_what_is_not_tested_says_so_at_the_top() -> None:
    """The first words of each file for which there is no server here."""
    files = [file for file in FILES if file.parent.name in NOT_TESTED and "redis" not in file.read_text()]
    assert len(files) == 8
    assert all(file.read_text().startswith("# Not tested") for file in files)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_what_we_take_for_known_stands_in_dapr_s_own_list(name: str) -> None:
    """Where the source of the components is at hand (Dapr was built here), their lists have all of our names."""
    kind, _, rest = name.partition("/")[0].partition(".")
    listed = _contrib() / FOLDERS.get(name, f"{kind}/{rest}") / "metadata.yaml"
    if not listed.exists():
        if not KNOWN[name]:
            return
        pytest.skip("components-contrib is not in the Go module cache")
    document = yaml.safe_load(listed.read_text(encoding="utf-8"))
    profiles = [each for profile in document.get("authenticationProfiles", []) for each in profile["metadata"]]
    assert KNOWN[name] <= {each["name"] for each in [*document["metadata"], *profiles]}


def _contrib() -> Path:
    """The folder of the components' source, of the version that the pinned Dapr is built with."""
    try:
        said = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True, timeout=20)
        cache = Path(said.stdout.strip())
    except (OSError, subprocess.SubprocessError):
        cache = Path.home() / "go" / "pkg" / "mod"
    found = sorted((cache / "github.com" / "dapr").glob("components-contrib@v1.18.*"))
    return found[-1] if found else cache / "components-contrib"
