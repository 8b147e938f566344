"""What a bare gRPC call to the sidecar carries: ``DAPR_API_TOKEN`` when it wants that, and the trace it belongs to."""

from __future__ import annotations

from dapr.clients.http.client import DAPR_API_TOKEN_HEADER
from dapr.conf import settings

from travelbuddy.telemetry import tracing

Metadata = tuple[tuple[str, str], ...]


def api_token() -> Metadata:
    """The call's metadata, as Dapr's settings are now."""
    token = settings.DAPR_API_TOKEN
    return ((DAPR_API_TOKEN_HEADER, token),) if token else ()


def call_metadata() -> Metadata:
    """The same, with the trace that the calling task is in."""
    return (*api_token(), *tracing.sidecar_headers().items())
