"""What a bare gRPC call to the sidecar carries when it wants ``DAPR_API_TOKEN``."""

from __future__ import annotations

from dapr.clients.http.client import DAPR_API_TOKEN_HEADER
from dapr.conf import settings

Metadata = tuple[tuple[str, str], ...]


def api_token() -> Metadata:
    """The call's metadata, as Dapr's settings are now."""
    token = settings.DAPR_API_TOKEN
    return ((DAPR_API_TOKEN_HEADER, token),) if token else ()
