"""What the adapters hand to the sidecar when keys are set."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from dapr.ext.workflow import WorkflowStatus
from dapr.proto import api_v1
from pydantic import BaseModel

from travelbuddy.adapters.dapr_replicas import DaprReplicaLink
from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.dapr_store import DaprStore, Put
from travelbuddy.adapters.dapr_turns import DaprTurnEngine
from travelbuddy.errors import CannotOpen
from travelbuddy.live_notices import merged
from travelbuddy.sealing import Sealer

KEY, OTHER = secrets.token_hex(32), secrets.token_hex(32)
WORDS = "my secret journey"


class Record(BaseModel):
    """What is stored."""

    text: str


@dataclass
class Store:
    """A sidecar with a state store in memory, and an engine that keeps what it is told."""

    rows: dict[str, bytes] = field(default_factory=dict)
    told: list[Any] = field(default_factory=list)
    metadata: tuple[()] = ()

    @property
    def connection(self) -> Store:
        return self

    @property
    def api(self) -> Store:
        return self

    @property
    def workflows(self) -> Store:
        return self

    async def SaveState(self, request: Any, **_: Any) -> None:  # noqa: N802
        self.rows |= {item.key: item.value for item in request.states}

    async def ExecuteStateTransaction(self, request: Any, **_: Any) -> None:  # noqa: N802
        self.rows |= {operation.request.key: operation.request.value for operation in request.operations}

    async def GetBulkState(self, request: Any, **_: Any) -> Any:  # noqa: N802
        found = [api_v1.BulkStateItem(key=k, data=self.rows[k], etag="1") for k in request.keys if k in self.rows]
        return api_v1.GetBulkStateResponse(items=found)

    async def schedule_new_workflow(self, *_: Any, **told: Any) -> None:
        self.told.append(told)

    async def get_workflow_state(self, turn_id: str) -> Any:
        told = json.dumps(self.told[-1]["input"])
        return type("State", (), {
            "serialized_input": told, "serialized_custom_status": "", "runtime_status": WorkflowStatus.RUNNING,
            "created_at": None, "last_updated_at": None,
        })  # fmt: skip


def _store(rows: Store, key: str | None) -> DaprStore:
    return DaprStore(cast(Sidecar, rows), "s", Sealer("STATE_KEY", key))


async def test_records_are_sealed_in_writes_and_in_transactions() -> None:
    """Neither way of writing leaves a readable value, and both are read back."""
    sidecar = Store()
    store = _store(sidecar, KEY)
    await store.save(Put("session:a", Record(text=WORDS), 60), first_write=True)
    await store.transact([Put("turn:b", Record(text=WORDS), 60)])
    assert not any(WORDS.encode() in value for value in sidecar.rows.values())
    for stored in await store.get("session:a", "turn:b"):
        assert json.loads(stored.data) == {"text": WORDS}


async def test_a_record_moved_to_another_key_does_not_open() -> None:
    """Whoever can write into the store cannot make one user's record another's."""
    sidecar = Store()
    await _store(sidecar, KEY).save(Put("session:a", Record(text=WORDS), 60), first_write=True)
    sidecar.rows["session:b"] = sidecar.rows["session:a"]
    with pytest.raises(CannotOpen):
        await _store(sidecar, KEY).get("session:b")


async def test_records_from_before_are_read_and_without_a_key_sealed_ones_are_not() -> None:
    """Sealing can be switched on over records that are there; switched off, it says what is missing."""
    sidecar = Store()
    await _store(sidecar, None).save(Put("session:a", Record(text=WORDS), 60), first_write=True)
    assert json.loads((await _store(sidecar, KEY).get("session:a"))[0].data) == {"text": WORDS}
    await _store(sidecar, KEY).save(Put("session:a", Record(text=WORDS), 60), first_write=True)
    for key in (None, OTHER):
        with pytest.raises(CannotOpen, match="STATE_KEY_OLD"):
            await _store(sidecar, key).get("session:a")


async def test_a_turn_is_started_sealed_and_its_status_is_read() -> None:
    """The engine is given one sealed text, which only this instance's status opens again."""
    sidecar = Store()
    engine = DaprTurnEngine(cast(Sidecar, sidecar), Sealer("PAYLOAD_KEY", KEY))
    await engine.schedule("t", {"message": WORDS})
    assert WORDS not in str(sidecar.told)
    assert (await engine.status("t")).input == {"message": WORDS}
    elsewhere = await engine.status("another")
    assert (elsewhere.state, elsewhere.input) == ("running", None)
    assert "moved" in elsewhere.closed


async def test_without_its_key_a_turns_state_is_known_and_its_input_is_not() -> None:
    """Erasing and cleaning up need the state only; whoever wants more is told the reason."""
    sidecar = Store()
    await DaprTurnEngine(cast(Sidecar, sidecar), Sealer("PAYLOAD_KEY", KEY)).schedule("t", {"message": WORDS})
    status = await DaprTurnEngine(cast(Sidecar, sidecar), Sealer("PAYLOAD_KEY")).status("t")
    assert (status.state, status.input) == ("running", None)
    assert "PAYLOAD_KEY_OLD" in status.closed


def test_replicas_speak_sealed_and_hear_both() -> None:
    """A notice on the broker shows nothing; a sealed one and one from before are heard, a strange one is not."""
    sidecar = cast(Sidecar, Store())
    here = DaprReplicaLink(sidecar, "here", merged, Sealer("PAYLOAD_KEY", KEY))
    there = DaprReplicaLink(sidecar, "there", merged, Sealer("PAYLOAD_KEY", KEY))
    heard: list[Any] = []
    there.on("turn", heard.append)
    notice = {"kind": "turn", "text": WORDS, "from": "here"}
    wire = here._wire(notice)
    assert WORDS not in wire
    there._hear(json.loads(wire))
    there._hear(notice)
    assert heard == [notice, notice]
    stranger = DaprReplicaLink(sidecar, "x", merged, Sealer("PAYLOAD_KEY", OTHER))
    there._hear(json.loads(stranger._wire(notice)))
    assert len(heard) == 2
