"""What work that lasts beyond a turn asks of the outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

from pydantic import JsonValue

from travelbuddy.adapters.ports import EngineStatus
from travelbuddy.domain.errands import Errand, Mark

Kind = TypeVar("Kind", bound=Errand)


class Work(Protocol):
    """Workflows of any name. Every method raises StoreUnavailable when the engine does not answer."""

    async def start(self, workflow: str, instance_id: str, payload: Mapping[str, JsonValue]) -> bool:
        """Start an instance. False: one of that id is running already. One that has ended is started anew."""
        ...

    async def tell(self, instance_id: str, event: str, data: JsonValue = None) -> bool:
        """Raise an event at the instance; it is kept until the instance waits for it. False: there is no such instance.

        One that has ended drops it without a word, and of several raised at once the engine may lose one.
        """
        ...

    async def status(self, instance_id: str) -> EngineStatus:
        """The instance's state; ``missing`` when the engine does not know the id."""
        ...

    async def terminate(self, instance_id: str) -> None:
        """End the instance; harmless when it has ended or is unknown."""
        ...


class Errands(Protocol[Kind]):
    """The records of one kind of errand. Every method raises StoreUnavailable when the store does not answer."""

    async def create(self, errand: Kind) -> bool:
        """List the errand and store it if there is none of its id. False: there is one, perhaps by this very call."""
        ...

    async def find(self, errand_id: str) -> tuple[Kind, str] | None:
        """The errand, and the ETag that its next write must still find."""
        ...

    async def replace(self, errand: Kind, etag: str) -> bool:
        """Replace the errand if its ETag still holds. False: somebody was faster, or it was erased: read again.

        An answer that was lost on its way looks the same, so whoever reads again may find what it wrote itself.
        """
        ...

    async def of(self, user_id: str) -> list[Kind]:
        """The user's errands of this kind, newest first."""
        ...


class ErasableErrands(Protocol):
    """Removing errands of all kinds. Everything may be repeated."""

    async def marks(self, user_id: str) -> Mapping[str, Mark]:
        """The user's errands by id, as the index has them."""
        ...

    async def drop(self, user_id: str, marks: Mapping[str, Mark]) -> None:
        """Delete the records of these, and take them out of the index."""
        ...


class WebhookSender(Protocol):
    """Sends events to addresses that users chose."""

    async def check(self, url: str) -> None:
        """Raise ToolError for an address that nothing may be sent to; the message says why."""
        ...

    async def send(self, url: str, event_id: str, body: Mapping[str, JsonValue]) -> None:
        """Send the event; the receiver knows a repeated one by its id.

        Raises Transient when worth another try, and Permanent (ToolError as ``check``) when not.
        """
        ...
