"""Tells the sidecar in which trace a call is, so that its own spans are a part of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc.aio
from dapr.ext.workflow.aio import DaprWorkflowClient

from travelbuddy.telemetry import tracing


class TellTrace(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Puts the W3C headers into a call's metadata."""

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """Add where the calling task is; for a call outside of any trace, that it is in none."""
        metadata = grpc.aio.Metadata(*(client_call_details.metadata or ()))
        for name, value in tracing.sidecar_headers().items():
            metadata.add(name, value)
        return await continuation(client_call_details._replace(metadata=metadata), request)


def interceptors() -> list[grpc.aio.ClientInterceptor]:
    """For the clients of Dapr's SDK; none while tracing is off."""
    return [TellTrace()] if tracing.recorder() is not None else []


def with_interceptors(client: DaprWorkflowClient) -> DaprWorkflowClient:
    """The client, which takes none when it is made, with the same; its channel is made at its first call."""
    client._DaprWorkflowClient__obj._interceptors.extend(interceptors())
    return client
