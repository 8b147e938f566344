"""Keys and values in a Dapr state store, with the one guarantee that everything else rests on: a guarded write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc.aio
import stamina
import structlog
from dapr.clients.exceptions import DaprGrpcError, DaprInternalError
from dapr.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr.clients.grpc._state import Concurrency, StateOptions
from pydantic import BaseModel, ValidationError

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.errors import StoreNotAsked, StoreUnavailable
from travelbuddy.resilience import Guard
from travelbuddy.telemetry import audit
from travelbuddy.telemetry.metrics import Metrics

STORE = "conversationstore"
TIMEOUT = 5.0
TRIES, RETRY_WITHIN = 4, 1.0
THRESHOLD, OPEN_FOR = 5, 1.0
DAY = 86_400
_FIRST_WRITE = StateOptions(concurrency=Concurrency.first_write)
_TROUBLE = (DaprGrpcError, DaprInternalError, grpc.aio.AioRpcError, TimeoutError)

log = structlog.get_logger(__name__)
Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


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


class DaprRecords:
    """Reads, guarded writes and transactions. Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, sidecar: Sidecar, metrics: Metrics | None = None, store: str = STORE) -> None:
        self._sidecar = sidecar
        self._store = store
        self._metrics = metrics or Metrics()
        self.guard = Guard("state-store", THRESHOLD, OPEN_FOR, _refusal)

    async def read(self, *keys: str) -> list[Stored]:
        """The values of the keys, in their order, in one request."""
        return await self._do("read", keys, lambda: self._read(*keys))

    async def write(self, put: Put) -> bool:
        """Replace a value if its ETag still holds, or create it if there is none (``etag=None``).

        False when somebody was faster. How a store words a conflict differs, so a refusal is judged by reading again.
        """
        return await self._do("write", [put.key], lambda: self._write(put))

    async def transact(self, guard: Put, others: Sequence[Put | Delete]) -> bool:
        """As ``write`` for ``guard``, with the others in the same request.

        Some stores apply the others although the guard is refused, so each of them must be harmless alone.
        """
        keys = [guard.key, *(change.key for change in others)]
        return await self._do("transact", keys, lambda: self._transact(guard, others))

    async def put(self, put: Put) -> None:
        """Set a value without a guard."""
        await self._do("put", [put.key], lambda: self._put(put))

    async def delete(self, key: str, etag: str | None = None) -> bool:
        """Remove a value; with an ``etag`` only if it still holds, and False when somebody was faster."""
        return await self._do("delete", [key], lambda: self._delete(key, etag))

    async def _do(self, operation: str, keys: Sequence[str], request: Callable[[], Awaitable[Result]]) -> Result:
        """Make a request: through the breaker, again after a short trouble, measured, and noted in the audit log."""
        outcome = "unavailable"
        try:
            with self._metrics.store(operation):
                async for attempt in stamina.retry_context(
                    on=_worth_a_retry, attempts=TRIES, timeout=RETRY_WITHIN, wait_initial=0.05, wait_max=0.4
                ):
                    with attempt:
                        if attempt.num > 1:
                            self._metrics.retried(operation)
                        result = await self.guard.call(request, _worth_a_retry)
            outcome = "refused" if result is False else "done"
            return result
        finally:
            audit.record(operation, keys, outcome)

    async def _read(self, *keys: str) -> list[Stored]:
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._sidecar.connection.dapr.get_bulk_state(self._store, keys, parallelism=len(keys))
        except _TROUBLE as error:
            raise _unavailable(error) from error
        found = {item.key: item for item in answer.items}
        for item in answer.items:
            if item.error:
                raise StoreUnavailable(f"the state store failed to read: {item.error}", retry_after=1)
        return [_stored(found[key]) if key in found else Stored(b"", None) for key in keys]

    async def _write(self, put: Put) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._sidecar.connection.dapr.save_state(
                    self._store,
                    put.key,
                    _json(put.value),
                    etag=put.etag,
                    options=_FIRST_WRITE,
                    state_metadata=_ttl(put),
                )
        except _TROUBLE as error:
            return await self._refused(put.key, put.etag, error)
        return True

    async def _transact(self, guard: Put, others: Sequence[Put | Delete]) -> bool:
        operations = [_operation(change) for change in (guard, *others)]
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._sidecar.connection.dapr.execute_state_transaction(self._store, operations)
        except _TROUBLE as error:
            return await self._refused(guard.key, guard.etag, error)
        return True

    async def _put(self, put: Put) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._sidecar.connection.dapr.save_state(
                    self._store, put.key, _json(put.value), state_metadata=_ttl(put)
                )
        except _TROUBLE as error:
            raise _unavailable(error) from error

    async def _delete(self, key: str, etag: str | None) -> bool:
        guard = {"etag": etag, "options": _FIRST_WRITE} if etag is not None else {}
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._sidecar.connection.dapr.delete_state(self._store, key, **guard)
        except _TROUBLE as error:
            if etag is None:
                raise _unavailable(error) from error
            return await self._refused(key, etag, error)
        return True

    async def _refused(self, key: str, etag: str | None, error: BaseException) -> bool:
        """False when the value has changed, so the guard did not hold; else it was trouble, which is raised."""
        (now,) = await self._read(key)
        if now.etag == etag:
            raise _unavailable(error) from error
        return False

    async def parse(self, model: type[Model], key: str, stored: Stored) -> Model | None:
        """The record, None when there is none. A corrupt one is set aside under ``corrupt:``, reported, and None."""
        if not stored.data:
            return None
        try:
            return model.model_validate_json(stored.data)
        except ValidationError as invalid:
            log.error("record.corrupt", key=key, problems=invalid.error_count())
            text = stored.data.decode(errors="replace")
            await self.put(Put(corrupt_key(key), _Corrupt(key=key, data=text), 7 * DAY))
            return None


def corrupt_key(key: str) -> str:
    """Where a value of this key that could not be read is set aside; the newest one counts."""
    return f"corrupt:{key}"


class _Corrupt(BaseModel):
    key: str
    data: str


def _json(value: BaseModel) -> str:
    return value.model_dump_json(exclude_defaults=True)


def _ttl(put: Put) -> dict[str, str]:
    # No contentType: daprd would rewrite the JSON (large numbers change), and Redis transactions need RedisJSON for it.
    return {"ttlInSeconds": str(put.ttl)}


def _operation(change: Put | Delete) -> TransactionalStateOperation:
    if isinstance(change, Delete):
        return TransactionalStateOperation(key=change.key, operation_type=TransactionOperationType.delete)
    return TransactionalStateOperation(
        key=change.key, data=_json(change.value), etag=change.etag, metadata=_ttl(change)
    )


def _stored(item: Any) -> Stored:
    """The value as it was written.

    In a transaction on an encrypted store daprd 1.18 encrypts the Go notation of the bytes, ``[123 34 …]``. Every value
    of ours is a JSON object, so what begins with a bracket is that.
    """
    data: bytes = item.data
    if data.startswith(b"["):
        with suppress(ValueError):
            data = bytes(map(int, data[1:-1].split()))
    return Stored(data, item.etag or None)


def _worth_a_retry(error: Exception) -> bool:
    return isinstance(error, StoreUnavailable) and not isinstance(error, StoreNotAsked)


def _refusal(seconds: float) -> StoreNotAsked:
    return StoreNotAsked("the state store is failing; it was not asked again yet", retry_after=max(1, seconds))


def _unavailable(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"the state store is not available: {error or 'no answer in time'}", retry_after=1)
