"""Which Redis holds the state and which the messages, read from the Dapr components, so that the app can look at it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from travelbuddy.runtime.replicas import documents

_SETTINGS = {"state.redis": "STATE_REDIS", "pubsub.redis": "BROKER_REDIS"}
_OTHERWISE = ("redisUsername", "sentinelMasterName", "failover")
"""Metadata of servers that are reached in another way than by an address and a password."""


def redis_settings(resources: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The app's settings that say where Redis is, in the ``environment`` of the sidecars.

    A server is left out that is reached over TLS, with a user's name, or as a cluster, or whose address or password is
    in a secret store; and one with another password than those before it.
    """
    found: dict[str, str] = {}
    for component in documents(resources):
        spec = component.get("spec") if isinstance(component, dict) else None
        if not isinstance(spec, dict):
            continue
        name = _SETTINGS.get(str(spec.get("type")))
        if name is None or name in found:
            continue
        address, password = _server(_metadata(spec, environment))
        if address and found.setdefault("REDIS_PASSWORD", password) == password:
            found[name] = address
    return found


def _server(metadata: Mapping[str, str | None]) -> tuple[str, str]:
    """Address and password; an empty address where it cannot be reached from here."""
    address, password = metadata.get("redisHost"), metadata.get("redisPassword", "")
    tls = (metadata.get("enableTLS") or "false").lower() != "false"
    other = any((metadata.get(key) or "false").lower() != "false" for key in _OTHERWISE)
    cluster = metadata.get("redisType", "node") != "node"
    if not address or password is None or tls or other or cluster or "," in address:
        return "", ""
    return (address if ":" in address else f"{address}:6379"), password


def _metadata(spec: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str | None]:
    """The values by name; None for one that only daprd gets to know."""
    values: dict[str, str | None] = {}
    for item in spec.get("metadata") or []:
        if "envRef" in item:
            values[item["name"]] = environment.get(item["envRef"], "")
        elif "secretKeyRef" in item:
            values[item["name"]] = None
        else:
            values[item["name"]] = _text(item.get("value", ""))
    return values


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value if value is not None else "")
