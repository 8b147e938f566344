"""Dapr's state API for one store: four calls, straight on the sidecar's gRPC stub.

The SDK's client spends as long again around each call (ARC-013). Every method raises grpc.aio.AioRpcError for whatever
goes wrong, a refused ETag and a store that does not answer in time included; reading also CannotOpen.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dapr.proto import api_v1, common_v1
from pydantic import BaseModel

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.errors import StoreUnavailable
from travelbuddy.sealing import MARK, Sealer
from travelbuddy.telemetry import tracing

TIMEOUT = 5.0
_SEALED = MARK.encode()
_FIRST_WRITE = common_v1.StateOptions(concurrency=common_v1.StateOptions.CONCURRENCY_FIRST_WRITE)


@dataclass(frozen=True)
class Stored:
    """A value as read; ``data`` is empty and ``etag`` None when there is none."""

    data: bytes
    etag: str | None


@dataclass(frozen=True)
class Put:
    """Set a key. ``ttl`` is seconds; with an ``etag`` only if it still holds."""

    key: str
    value: BaseModel
    ttl: int
    etag: str | None = None


@dataclass(frozen=True)
class Delete:
    """Remove a key; no error when it is gone."""

    key: str


class DaprStore:
    """One state store of the sidecar."""

    def __init__(self, sidecar: Sidecar, name: str, sealer: Sealer | None = None) -> None:
        """``sealer`` is for the values; each is bound to its key."""
        self._sealer = sealer or Sealer()
        self._sidecar = sidecar
        self._name = name

    async def get(self, *keys: str) -> list[Stored]:
        """The values of the keys, in their order, in one request."""
        request = api_v1.GetBulkStateRequest(store_name=self._name, keys=keys, parallelism=len(keys))
        answer = await self._call("GetBulkState", request)
        found = {item.key: item for item in answer.items}
        for item in answer.items:
            if item.error:
                raise StoreUnavailable(f"the state store failed to read: {item.error}", retry_after=1)
        return [self._opened(key, _stored(found[key])) if key in found else Stored(b"", None) for key in keys]

    async def save(self, put: Put, *others: Put, first_write: bool) -> None:
        """Set a value; as a first write only if its ETag still holds, or without one if there is no value yet.

        The others are set in the same request, without a guard.
        """
        items = [self._item(put, _FIRST_WRITE if first_write else None), *(self._item(each, None) for each in others)]
        await self._call("SaveState", api_v1.SaveStateRequest(store_name=self._name, states=items))

    async def transact(self, changes: Sequence[Put | Delete]) -> None:
        """Make these changes in one request."""
        operations = [
            api_v1.TransactionalStateOperation(operationType="delete", request=common_v1.StateItem(key=change.key))
            if isinstance(change, Delete)
            else api_v1.TransactionalStateOperation(operationType="upsert", request=self._item(change, None))
            for change in changes
        ]
        request = api_v1.ExecuteStateTransactionRequest(storeName=self._name, operations=operations)
        await self._call("ExecuteStateTransaction", request)

    async def delete(self, key: str, etag: str | None) -> None:
        """Remove a value; with an ``etag`` only if it still holds."""
        guard = {"etag": common_v1.Etag(value=etag), "options": _FIRST_WRITE} if etag is not None else {}
        await self._call("DeleteState", api_v1.DeleteStateRequest(store_name=self._name, key=key, **guard))

    def _item(self, put: Put, options: Any) -> Any:
        # No contentType: daprd would rewrite the JSON (large numbers change), and Redis would need RedisJSON for it.
        text = self._sealer.seal(put.value.model_dump_json(exclude_defaults=True), _place(put.key))
        return common_v1.StateItem(
            key=put.key,
            value=text.encode(),
            etag=common_v1.Etag(value=put.etag) if put.etag is not None else None,
            options=options,
            metadata={"ttlInSeconds": str(put.ttl)},
        )

    def _opened(self, key: str, stored: Stored) -> Stored:
        """The value as it was before it was sealed. Raises CannotOpen."""
        if not stored.data.startswith(_SEALED):
            return stored
        return Stored(self._sealer.open(stored.data.decode(), _place(key)).encode(), stored.etag)

    async def _call(self, method: str, request: Any) -> Any:
        connection = self._sidecar.connection
        metadata = (*connection.metadata, *tracing.sidecar_headers().items())
        return await getattr(connection.api, method)(request, timeout=TIMEOUT, metadata=metadata)


def _place(key: str) -> str:
    """What a value is bound to, so that nobody can put it under another key."""
    return f"record:{key}"


def _stored(item: Any) -> Stored:
    """The value as it was written.

    In a transaction on a store that Dapr encrypts, daprd 1.18 encrypts the Go notation of the bytes, ``[123 34 …]``.
    No value of ours begins with a bracket, so what does is that.
    """
    data: bytes = item.data
    if data.startswith(b"["):
        with suppress(ValueError):
            data = bytes(map(int, data[1:-1].split()))
    return Stored(data, item.etag or None)
