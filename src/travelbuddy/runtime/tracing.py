"""The sidecar's part of a trace: where the app sends its spans, the sidecar does too."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from travelbuddy.errors import RuntimeProblem
from travelbuddy.settings import Settings

NAME = "configuration.yaml"


def sidecar_configuration(resources: Path, data: Path, settings: Settings) -> Path:
    """The file for daprd's ``--config``: that of the resources, with tracing as the settings say. It may not exist."""
    given = resources / NAME
    if not settings.otel_exporter_otlp_endpoint:
        return given
    written = data / f"traced-{NAME}"
    written.write_text(yaml.safe_dump(traced(_read(given), settings), sort_keys=False), encoding="utf-8")
    return written


def traced(configuration: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The Configuration with its tracing replaced. daprd knows no path of a receiver, only ``/v1/traces``."""
    where = urlsplit(settings.otel_exporter_otlp_endpoint)
    secure = where.scheme == "https"
    otel = {
        "protocol": "http",
        "endpointAddress": f"{where.hostname}:{where.port or (443 if secure else 80)}",
        "isSecure": secure,
    }
    spec = {**configuration.get("spec", {}), "tracing": {"samplingRate": f"{_part(settings):g}", "otel": otel}}
    return {**configuration, "spec": spec}


def sidecar_environment(name: str, settings: Settings) -> dict[str, str]:
    """How the sidecar calls itself in its spans; without this it would take the app's name."""
    if not settings.otel_exporter_otlp_endpoint:
        return {}
    return {
        "OTEL_SERVICE_NAME": f"{settings.otel_service_name}-daprd",
        "OTEL_RESOURCE_ATTRIBUTES": f"service.instance.id={name}",
    }


def _part(settings: Settings) -> float:
    """The part of the traces that begin at the sidecar which it keeps: the app's. For others it does as its caller."""
    sampler = settings.otel_traces_sampler
    if sampler.endswith("traceidratio"):
        return settings.otel_traces_sampler_arg
    return 0 if sampler.endswith("always_off") else 1


def _read(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {"apiVersion": "dapr.io/v1alpha1", "kind": "Configuration", "metadata": {"name": "travelbuddy"}}
    try:
        found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RuntimeProblem(f"{file} is not valid YAML: {error}") from error
    return found
