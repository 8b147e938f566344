"""What a rendered resource must obey: Kubernetes' schemas, Dapr's, and the names of Dapr's annotations."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from tests.kubernetes.renderer import Resource, dapr_source

KUBERNETES_VERSION = "1.34"
"""What the manifests are checked against; the oldest they work with is 1.30, for the preStop `sleep`."""
SKIPPED = {"Kustomization"}  # not sent anywhere
INTEGER, BOOLEAN = re.compile(r"-?\d+"), re.compile("true|false")


def errors(resource: Resource) -> list[str]:
    """Everything that is wrong with one resource, by its kind, name and field."""
    where = f"{resource.get('kind')}/{resource.get('metadata', {}).get('name')}"
    return [f"{where}: {error}" for error in (*_schema_errors(resource), *_annotation_errors(resource))]


def pod_annotations(resource: Resource) -> dict[str, str]:
    """Those of the pods that the resource makes."""
    template = resource.get("spec", {}).get("template", {}) if isinstance(resource.get("spec"), dict) else {}
    found: dict[str, str] = template.get("metadata", {}).get("annotations", {})
    return found


def _schema_errors(resource: Resource) -> Iterator[str]:
    if resource.get("kind") in SKIPPED:
        return
    if str(resource.get("apiVersion", "")).partition("/")[0] == "dapr.io":
        schema = _dapr_schemas().get((resource["apiVersion"], str(resource.get("kind"))))
        if schema is None:
            yield "Dapr has no such kind and version"
            return
        found = jsonschema.Draft202012Validator(schema).iter_errors(resource)
        yield from (f"{error.json_path}: {error.message}" for error in found)
        return
    try:
        kubernetes_validate.validate(resource, KUBERNETES_VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{error.json_path}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        yield str(error.message)


def _annotation_errors(resource: Resource) -> Iterator[str]:
    for name, value in pod_annotations(resource).items():
        if not name.startswith("dapr.io/"):
            continue
        kind = dapr_annotations().get(name)
        if kind is None:
            yield f"{name}: Dapr knows no such annotation"
        elif ("int" in kind and not INTEGER.fullmatch(value)) or ("bool" in kind and not BOOLEAN.fullmatch(value)):
            yield f"{name}: {value!r} is no {kind}; Dapr would ignore it"


@functools.cache
def dapr_annotations() -> dict[str, str]:
    """The annotations that the injector reads, each with the Go type it is read as."""
    source = (dapr_source() / "pkg" / "injector" / "patcher" / "sidecar.go").read_text(encoding="utf-8")
    return {
        name: kind for kind, name in re.findall(r'^\s+\w+\s+(\*?\w+)\s+`annotation:"([^"]+)"', source, re.MULTILINE)
    }


@functools.cache
def _dapr_schemas() -> dict[tuple[str, str], Any]:
    found = {}
    for file in sorted((dapr_source() / "charts" / "dapr" / "crds").glob("*.yaml")):
        for definition in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = _closed(version["schema"]["openAPIV3Schema"])
                found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def _closed(schema: Any) -> Any:
    """The schema without unknown fields: a cluster would drop them silently."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed
