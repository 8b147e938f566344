"""The manifests, rendered by kustomize and checked against the schemas of Kubernetes and of Dapr."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.kubernetes.renderer import KUBERNETES, Resource, render
from tests.kubernetes.rules import dapr_annotations, errors

ROOT = KUBERNETES.parents[1]
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
FOLDERS = (ROOT / "components", ROOT / "deploy" / "components", ROOT / "deploy" / "mcp")
FILES = sorted(file for folder in FOLDERS for file in folder.rglob("*.yaml"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_rendered_overlay_has_no_error(overlay: str) -> None:
    """Each resource fits its schema, with no unknown field, and each annotation is one that Dapr reads."""
    resources = render(KUBERNETES / "overlays" / overlay)
    kinds = {resource["kind"] for resource in resources}
    assert {"Deployment", "NetworkPolicy", "Component", "Configuration", "Resiliency", "Subscription"} <= kinds
    assert [error for resource in resources for error in errors(resource)] == []


def test_the_access_policy_has_no_error() -> None:
    """What production may add fits its schema too."""
    (policy,) = render(ROOT / "deploy" / "access")
    assert (policy["kind"], errors(policy)) == ("WorkflowAccessPolicy", [])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_of_dapr_resources_has_no_error(file: Path) -> None:
    """Each fits Dapr's schema; daprd in self-hosted mode would read past a misspelt field."""
    documents = [each for each in yaml.safe_load_all(file.read_text(encoding="utf-8")) if each]
    assert [error for document in documents for error in errors(document)] == []


@pytest.fixture(scope="module")
def production() -> dict[tuple[str, str], Resource]:
    """The production overlay by kind and name."""
    return {(r["kind"], r["metadata"]["name"]): r for r in render(KUBERNETES / "overlays" / "production")}


def _in_pod(change: Callable[[Resource], object]) -> Callable[[Resource], object]:
    return lambda deployment: change(deployment["spec"]["template"])


CONFIGURATION, RESILIENCY = ("Configuration", "travelbuddy"), ("Resiliency", "travelbuddy-resiliency")
MESSAGES = ("Subscription", "travelbuddy-messages")
MISTAKES: dict[str, tuple[str, str, Callable[[Resource], object]]] = {
    "a misspelt field": ("Deployment", "travelbuddy", lambda d: d["spec"].update(replica=2)),
    "a misspelt field in a container": (
        "Deployment",
        "travelbuddy",
        _in_pod(lambda pod: pod["spec"]["containers"][0].update(livenesProbe={})),
    ),
    "a number as text": (
        "Deployment",
        "travelbuddy",
        _in_pod(lambda pod: pod["spec"].update(terminationGracePeriodSeconds="forty")),
    ),
    "a setting without a name": (
        "Deployment",
        "travelbuddy",
        _in_pod(lambda pod: pod["spec"]["containers"][0].update(env=[{"value": "x"}])),
    ),
    "an annotation that Dapr does not know": (
        "Deployment",
        "travelbuddy",
        _in_pod(lambda pod: pod["metadata"]["annotations"].update({"dapr.io/block-shutdown-seconds": "20"})),
    ),
    "an annotation that is no number": (
        "Deployment",
        "travelbuddy",
        _in_pod(lambda pod: pod["metadata"]["annotations"].update({"dapr.io/graceful-shutdown-seconds": "5s"})),
    ),
    "an annotation that is neither true nor false": (
        "Deployment",
        "travelbuddy",
        _in_pod(lambda pod: pod["metadata"]["annotations"].update({"dapr.io/enabled": "yes please"})),
    ),
    "a version that is gone": (
        "HorizontalPodAutoscaler",
        "travelbuddy",
        lambda hpa: hpa.update(apiVersion="autoscaling/v2beta2"),
    ),
    "a port that is none": ("NetworkPolicy", "travelbuddy", lambda n: n["spec"]["egress"][0].update(port=[443])),
    "Dapr: a misspelt field": ("Component", "conversationstore", lambda c: c["spec"].update(metaData=[])),
    "Dapr: a list that is none": (*MESSAGES, lambda s: s.update(scopes="stateful-llm")),
    "Dapr: a text that is none": (
        "Configuration",
        "travelbuddy",
        lambda c: c["spec"]["tracing"].update(samplingRate=0),
    ),
    "Dapr: an unknown target": (
        "Resiliency",
        "travelbuddy-resiliency",
        lambda r: r["spec"]["targets"].update(comps={}),
    ),
    "Dapr: a version of old": (
        "Subscription",
        "travelbuddy-messages",
        lambda s: s.update(apiVersion="dapr.io/v1beta1"),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed(production: dict[tuple[str, str], Resource], mistake: str) -> None:
    """Each of these, put into what was right, is told by the resource's name."""
    kind, name, change = MISTAKES[mistake]
    resource = copy.deepcopy(production[kind, name])
    assert errors(resource) == []
    change(resource)
    found = errors(resource)
    assert found
    assert all(error.startswith(f"{kind}/{name}: ") for error in found)


def test_the_list_of_annotations_is_daprs() -> None:
    """It was read whole: names that the sidecar injector has, with their types."""
    known = dapr_annotations()
    assert len(known) > 50
    assert (known["dapr.io/enabled"], known["dapr.io/graceful-shutdown-seconds"]) == ("bool", "int")
