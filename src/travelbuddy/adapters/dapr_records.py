"""Keys and values in a Dapr state store, with the one guarantee that everything else rests on: a guarded write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import grpc.aio
import stamina
import structlog
from pydantic import BaseModel, ValidationError

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.dapr_store import DaprStore, Delete, Put, Stored
from travelbuddy.errors import StoreNotAsked, StoreUnavailable
from travelbuddy.resilience import Guard
from travelbuddy.sealing import Sealer
from travelbuddy.telemetry import audit, spans
from travelbuddy.telemetry.metrics import Metrics

STORE = "conversationstore"
TRIES, FIRST_PAUSE, RETRY_WITHIN = 4, 0.05, 1.0
THRESHOLD, OPEN_FOR = 5, 1.0
DAY = 86_400

log = structlog.get_logger(__name__)
Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


class DaprRecords:
    """Reads, guarded writes and transactions. Every method raises StoreUnavailable when the store does not answer.

    Reading raises CannotOpen for a value that is sealed with a key this service does not have: nothing is done to it.
    """

    def __init__(
        self, sidecar: Sidecar, metrics: Metrics | None = None, store: str = STORE, sealer: Sealer | None = None
    ) -> None:
        self._store, self._name = DaprStore(sidecar, store, sealer), store
        self._metrics = metrics or Metrics()
        self.guard = Guard("state-store", THRESHOLD, OPEN_FOR, _refusal)

    async def read(self, *keys: str) -> list[Stored]:
        """The values of the keys, in their order, in one request."""
        return await self._do("read", keys, lambda: self._read(*keys))

    async def write(self, put: Put, *others: Put) -> bool:
        """Replace a value if its ETag still holds, or create it if there is none (``etag=None``).

        False when somebody was faster. How a store words a conflict differs, so a refusal is judged by reading again.
        The others are set in the same request, without a guard, and perhaps also when it is refused.
        """
        return await self._do("write", [put.key, *(other.key for other in others)], lambda: self._write(put, others))

    async def transact(self, guard: Put, others: Sequence[Put | Delete]) -> bool:
        """As ``write`` for ``guard``, with the others in the same request.

        Some stores apply the others although the guard is refused, so each of them must be harmless alone.
        """
        keys = [guard.key, *(change.key for change in others)]
        return await self._do("transact", keys, lambda: self._transact(guard, others))

    async def put(self, put: Put) -> None:
        """Set a value without a guard."""
        await self._do("put", [put.key], lambda: self._put(put))

    async def probe(self, put: Put) -> None:
        """Set a value once, to see whether that goes: past the breaker, not tried again, and not in the audit log."""
        await self._put(put)

    async def delete(self, key: str, etag: str | None = None) -> bool:
        """Remove a value; with an ``etag`` only if it still holds, and False when somebody was faster."""
        return await self._do("delete", [key], lambda: self._delete(key, etag))

    async def _do(self, operation: str, keys: Sequence[str], request: Callable[[], Awaitable[Result]]) -> Result:
        """Make a request: through the breaker, again after a short trouble, measured, and noted in the audit log."""
        outcome, began = "unavailable", time.monotonic()
        try:
            with self._metrics.store(operation), spans.store(operation, self._name, len(keys)) as asked:
                try:
                    result = await self.guard.call(request, _worth_a_retry)
                except StoreUnavailable as trouble:
                    if not _worth_a_retry(trouble) or time.monotonic() - began > RETRY_WITHIN:
                        raise
                    asked.event("again")
                    result = await self._again(operation, request)
                if result is False:
                    asked.event("refused")
            outcome = "refused" if result is False else "done"
            return result
        finally:
            audit.record(operation, keys, outcome)

    async def _again(self, operation: str, request: Callable[[], Awaitable[Result]]) -> Result:
        """The further tries, apart from the first because the retry library costs more than that one."""
        await asyncio.sleep(FIRST_PAUSE)
        async for attempt in stamina.retry_context(
            on=_worth_a_retry, attempts=TRIES - 1, timeout=RETRY_WITHIN, wait_initial=0.1, wait_max=0.4
        ):
            with attempt:
                self._metrics.retried(operation)
                result = await self.guard.call(request, _worth_a_retry)
        return result

    async def _read(self, *keys: str) -> list[Stored]:
        try:
            return await self._store.get(*keys)
        except grpc.aio.AioRpcError as error:
            raise _unavailable(error) from error

    async def _write(self, put: Put, others: Sequence[Put] = ()) -> bool:
        try:
            await self._store.save(put, *others, first_write=True)
        except grpc.aio.AioRpcError as error:
            return await self._refused(put.key, put.etag, error)
        return True

    async def _transact(self, guard: Put, others: Sequence[Put | Delete]) -> bool:
        try:
            await self._store.transact((guard, *others))
        except grpc.aio.AioRpcError as error:
            return await self._refused(guard.key, guard.etag, error)
        return True

    async def _put(self, put: Put) -> None:
        try:
            await self._store.save(put, first_write=False)
        except grpc.aio.AioRpcError as error:
            raise _unavailable(error) from error

    async def _delete(self, key: str, etag: str | None) -> bool:
        try:
            await self._store.delete(key, etag)
        except grpc.aio.AioRpcError as error:
            if etag is None:
                raise _unavailable(error) from error
            return await self._refused(key, etag, error)
        return True

    async def _refused(self, key: str, etag: str | None, error: grpc.aio.AioRpcError) -> bool:
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


def _worth_a_retry(error: Exception) -> bool:
    return isinstance(error, StoreUnavailable) and not isinstance(error, StoreNotAsked)


def _refusal(seconds: float) -> StoreNotAsked:
    return StoreNotAsked("the state store is failing; it was not asked again yet", retry_after=max(1, seconds))


def _unavailable(error: grpc.aio.AioRpcError) -> StoreUnavailable:
    return StoreUnavailable(f"the state store is not available: {error.details()}", retry_after=1)
