"""Publishing through the sidecar."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import grpc.aio
from dapr.clients.exceptions import DaprGrpcError

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.errors import StoreUnavailable
from travelbuddy.telemetry import spans

PUBSUB = "messagepubsub"
TIMEOUT = 10.0


class DaprPublisher:
    """The Publisher port over Dapr pub/sub component ``messagepubsub``."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    async def publish(self, topic: str, data: Mapping[str, Any], event_id: str) -> None:
        """See Publisher. The id is the CloudEvent's, so a consumer can tell a repetition."""
        try:
            with spans.publish(topic, PUBSUB):
                async with asyncio.timeout(TIMEOUT):
                    await self._sidecar.connection.dapr.publish_event(
                        PUBSUB,
                        topic,
                        json.dumps(data, ensure_ascii=False),
                        publish_metadata={"cloudevent.id": event_id},
                        data_content_type="application/json",
                    )
        except (DaprGrpcError, grpc.aio.AioRpcError, TimeoutError) as error:
            raise StoreUnavailable(f"the message broker is not available: {error}", retry_after=1) from error
