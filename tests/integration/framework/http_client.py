"""HTTP clients that cost next to nothing to make, so that a test may make one for each call."""

from __future__ import annotations

from typing import Any

import httpx

from travelbuddy.runtime.local_http import NO_TLS


def http_client(**options: Any) -> httpx.AsyncClient:
    """An httpx client with these options for servers on this machine: no TLS, no proxy of the tester's."""
    return httpx.AsyncClient(verify=NO_TLS, trust_env=False, **options)
