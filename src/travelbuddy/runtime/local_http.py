"""HTTP clients for the programs of a stack: on this machine, without TLS and without the user's proxy."""

from __future__ import annotations

import ssl

import httpx

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Left to itself, each client reads all of the machine's certificates, which costs 26 ms of CPU."""


def local_http(base_url: str = "") -> httpx.AsyncClient:
    """A client that gives up on an answer after two seconds."""
    return httpx.AsyncClient(base_url=base_url, timeout=2, trust_env=False, verify=NO_TLS)
