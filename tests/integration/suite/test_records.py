"""What a turn costs in the engine, and what the store keeps: judged on the runtime's own records."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User, engine_history, sidecar
from tests.integration.framework.polling import poll_until
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import STORES

from travelbuddy.adapters.dapr_records import STORE, DaprRecords
from travelbuddy.adapters.dapr_sidecar import Connection, Sidecar
from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.domain.messages import Message
from travelbuddy.errors import NotFound


async def test_payloads_do_not_grow_with_the_conversation(scripted: Scripted) -> None:
    """The workflow input of a session's twelfth turn is as large as that of its first."""
    user = User(scripted.stack, "ada", "payload")
    ids = []
    for _ in range(12):
        ids.append(await user.start("same text"))
        await user.finished(ids[-1])
    histories = [await engine_history(scripted.stack, turn_id) for turn_id in (ids[0], ids[-1])]
    sizes = [sum(event.ByteSize() for event in history) for history in histories]
    assert sizes[1] <= sizes[0] * 1.05


@pytest.mark.stores(*STORES, gate=("redis", "postgres"), because="each has its own component")
async def test_the_six_operations_of_state_storage(stack: Stack) -> None:
    """Conversation, user context and session metadata are written and read on the real store."""
    await User(stack, "six", "operations").ask("hello")
    async with sidecar(stack) as client:
        storage = DaprStateStorage(DaprRecords(_connected(stack, client)), lambda: datetime.now(UTC))
        await storage.append_conversation_turn(
            "operations", Message(role="assistant", content="your hold expired", timestamp=datetime.now(UTC))
        )
        history = await storage.get_conversation_history("operations")
        assert history[0].content == "hello"
        assert history[-1].content == "your hold expired"
        await storage.update_user_context("six", {"preferred_style": "concise", "seat": "aisle"})
        await storage.update_user_context("six", {"seat": None})
        context = await storage.get_user_context("six")
        assert (context["preferred_style"], context["total_interactions"], "seat" in context) == ("concise", 2, False)
        assert "last_seen" in context
        await storage.update_session_metadata("operations", {"title": "Rome", "message_count": 99})
        metadata = await storage.get_session_metadata("operations")
        assert (metadata["title"], metadata["message_count"]) == ("Rome", 2)
        assert await storage.get_session_metadata("unknown") == {}
        assert await storage.get_conversation_history("unknown") == []
        with pytest.raises(ValueError, match="stored together"):
            await storage.append_conversation_turn(
                "operations", Message(role="tool", content="{}", timestamp=datetime.now(UTC), tool_call_id="x")
            )
        with pytest.raises(NotFound):
            await storage.update_session_metadata("unknown", {"title": "x"})


@pytest.mark.stores(*STORES, gate=("redis", "postgres"), because="each guards a write in its own way")
async def test_concurrent_changes_of_one_user_all_count(stack: Stack) -> None:
    """Twenty preferences set at once by different callers are all there afterwards."""
    async with sidecar(stack) as client:
        storage = DaprStateStorage(DaprRecords(_connected(stack, client)), lambda: datetime.now(UTC))
        await asyncio.gather(*(storage.update_user_context("busy", {f"key{i}": i}) for i in range(20)))
        assert await storage.get_user_context("busy") == {f"key{i}": i for i in range(20)}


@pytest.mark.stores(*STORES, gate=("redis", "postgres"), because="each copies a record in its own way")
async def test_a_corrupt_session_record_is_set_aside_and_the_session_goes_on(stack: Stack) -> None:
    """A record that cannot be read is kept under corrupt:, and the next message of the session is answered."""
    user = User(stack, "ada", "spoiled")
    await user.ask("hello")
    async with sidecar(stack) as client:
        state = await client.get_state(STORE, "session:spoiled")
        await client.save_state(STORE, "session:spoiled", "{broken", etag=state.etag)
    assert await user.ask("are you there?")
    assert len(await user.history("spoiled")) == 1
    assert "record.corrupt" in (stack.data_dir / "logs" / "app.log").read_text()


async def test_a_turn_can_be_looked_up_after_dapr_has_forgotten_it(scripted: Scripted) -> None:
    """GET /workflows/{id} answers from the turn record once the instance is purged."""
    user = User(scripted.stack, "ada", "purged")
    turn_id = await user.start("remember me")
    before = await user.finished(turn_id)
    async with sidecar(scripted.stack):
        url = f"{scripted.stack.dapr_url}/v1.0/workflows/dapr/{turn_id}"

        async def purged() -> bool:
            return (await user.call("POST", f"{url}/purge")).status_code == 202

        await poll_until(purged, 10, "the instance has ended and is purged")
        assert (await user.call("GET", url)).status_code == 404
    assert await user.finished(turn_id) == before


def _connected(stack: Stack, client: Any) -> Sidecar:
    ports = stack.entry("daprd")["ports"]
    link = Sidecar("127.0.0.1", ports["grpc"], ports["http"])
    link._connection = Connection(dapr=client, workflows=None, api=client._stub, metadata=())
    return link
