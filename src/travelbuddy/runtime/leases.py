"""Give up the leadership of a killed scheduler, so that its successor need not wait for it to expire.

The scheduler holds a leadership key in its etcd under a lease of 20 seconds. One that stops returns it. One
that is killed cannot, and the next process on the same data answers nothing until the lease runs out: a
kill cost 22 seconds, and costs 2 this way. Only the supervisor starts a scheduler on this data, so it knows
which process is dead, and it revokes exactly the lease it saw that process hold.
"""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx

from travelbuddy.runtime.local_http import local_http

SCHEDULER_ID = "dapr-scheduler-server-0"
LEADER_KEY = base64.b64encode(f"dapr/leadership/{SCHEDULER_ID}".encode()).decode()
POLL = 0.05
PATIENCE = 30.0  # longer than the lease: after that there is nothing left to revoke


class LeaderLease:
    """The lease of one scheduler, remembered in ``file`` so that it also outlives the supervisor."""

    def __init__(self, etcd_port: int, file: Path) -> None:
        self._etcd = f"http://127.0.0.1:{etcd_port}"
        self._file = file

    async def renew(self) -> None:
        """Call after every start of the scheduler: revoke the dead one's lease, remember the new one's."""
        stale = self._file.read_text(encoding="utf-8").strip() if self._file.exists() else ""
        async with local_http(self._etcd) as client:
            try:
                async with asyncio.timeout(PATIENCE):
                    if stale:
                        await _ask(client, "/v3/lease/revoke", {"ID": stale})
                    self._file.write_text(await _held(client, stale), encoding="utf-8")
            except TimeoutError:
                return


async def _held(client: httpx.AsyncClient, stale: str) -> str:
    """Return the lease of the present leader once there is one other than ``stale``."""
    while True:
        found = (await _ask(client, "/v3/kv/range", {"key": LEADER_KEY})).get("kvs", [])
        lease = str(found[0].get("lease", "")) if found else ""
        if lease not in ("", stale):
            return lease
        await asyncio.sleep(POLL)


async def _ask(client: httpx.AsyncClient, path: str, body: dict[str, str]) -> dict[str, Any]:
    """Ask etcd until it answers; an error answer, such as one for a lease that is gone, is an answer too."""
    while True:
        try:
            answer = await client.post(path, json=body)
            if answer.status_code < 500:
                return dict(answer.json())
        except (httpx.HTTPError, ValueError):
            pass  # etcd is starting
        await asyncio.sleep(POLL)
