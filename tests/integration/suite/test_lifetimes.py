"""What is stored ends by itself, is bounded, and can be encrypted."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import pytest
import yaml
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.rows import sqlite_rows
from tests.integration.framework.scripted_model import Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import EMBEDDED, STORES, copy_of_components

LIFETIMES = {
    "session": 7,
    "turn": 7,
    "user": 30,
    "sessions": 30,
    "tally": 30,
    "open": 7,
    "replicas": 400,
    "ready": 0,
    "jobs": 400,
}
MARKER = "plain-text-marker"


async def _fill(stack: Stack) -> None:
    user = User(stack, "ttl", "ttl")
    await user.ask("hello")
    await user.call("PATCH", "/users/ttl", json={"name": "Ada"})


@pytest.mark.stores(*STORES, gate=("redis", "postgres"), because="each lets records expire in its own way")
async def test_every_record_has_its_lifetime(dapr_runtime: None) -> None:
    """Each kind of record expires after the days the contract says; none would stay for ever."""
    with ScriptedModel(lambda request: Say("ok")) as model:
        async with Stack(env=model.env) as stack:
            await _fill(stack)
            records = [key for key in stack.kept_in.all_keys() if not key.of_workflow]
    found = {key.name.split(":")[0]: key.days and round(key.days) for key in records}
    assert found == LIFETIMES


@pytest.mark.stores(*STORES, gate=("postgres",), because="each removes an instance's rows in its own way")
async def test_dapr_forgets_ended_workflows_and_the_turn_can_still_be_looked_up(
    dapr_runtime: None, tmp_path: Path
) -> None:
    """The shipped configuration has a retention; with a short one the instance goes, and our view still answers."""
    folder = tmp_path / "components"
    copy_of_components(folder)
    configuration = yaml.safe_load((folder / "configuration.yaml").read_text())
    assert configuration["spec"]["workflow"]["stateRetentionPolicy"] == {"anyTerminal": "24h"}
    configuration["spec"]["workflow"]["stateRetentionPolicy"] = {"anyTerminal": "2s"}
    (folder / "configuration.yaml").write_text(yaml.safe_dump(configuration))
    with ScriptedModel(lambda request: Say("ok")) as model:
        async with Stack(env=model.env, options=(f"--components={folder}",)) as stack:
            user = User(stack, "ada", "retention")
            turn = await user.start("hello")
            await user.finished(turn)

            def gone() -> bool:
                return not any(key.of_workflow and turn in key.name for key in stack.kept_in.all_keys())

            await poll_until(gone, 15, "Dapr has forgotten the instance")
            assert (await user.finished(turn))["response"] == "ok"


@pytest.mark.stores("sqlite", because="the sidecar encrypts before any store sees it")
async def test_conversations_can_be_encrypted_at_rest(dapr_runtime: None, tmp_path: Path) -> None:
    """With Dapr's state encryption on the store no text is readable in its rows, and memory works as before."""
    folder = tmp_path / "components"
    shutil.copytree(EMBEDDED, folder)
    (tmp_path / "secrets.json").write_text(f'{{"stateKey": "{secrets.token_hex(16)}"}}')
    secret_store = {
        "apiVersion": "dapr.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": "localsecrets"},
        "spec": {
            "type": "secretstores.local.file",
            "version": "v1",
            "metadata": [{"name": "secretsFile", "value": str(tmp_path / "secrets.json")}],
        },
    }
    (folder / "secrets.yaml").write_text(yaml.safe_dump(secret_store))
    store = yaml.safe_load((folder / "conversationstore.yaml").read_text())
    store["spec"]["metadata"].append(
        {"name": "primaryEncryptionKey", "secretKeyRef": {"name": "stateKey", "key": "stateKey"}}
    )
    store["auth"] = {"secretStore": "localsecrets"}
    (folder / "conversationstore.yaml").write_text(yaml.safe_dump(store))
    with ScriptedModel(lambda request: Say(f"you said {last_user_message(request)}")) as model:
        async with Stack(env=model.env, options=(f"--components={folder}",)) as stack:
            user = User(stack, "ada", "encrypted")
            await user.ask(MARKER)
            await user.ask("and again")
            assert MARKER in [m["content"] for m in model.asked("and again")[0]["messages"]]
            assert len(await user.history("encrypted")) == 2
            rows = list(sqlite_rows(stack.data_dir / "state.sqlite", "conversation_state"))
            assert rows
            assert not any(MARKER in row for row in rows)
