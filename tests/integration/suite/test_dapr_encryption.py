"""Dapr's own state encryption on the conversation store, as the example has it, and changing its key."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import pytest
import yaml
from tests.integration.framework.client import User
from tests.integration.framework.rows import sqlite_rows
from tests.integration.framework.scripted_model import Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import EMBEDDED

pytestmark = pytest.mark.stores("sqlite", because="the sidecar encrypts before any store sees it")

EXAMPLE = EMBEDDED.parent / "deploy" / "components" / "dapr-encryption"
FIRST, SECOND = "TRAVELBUDDY_STATE_KEY_1", "TRAVELBUDDY_STATE_KEY_2"


def _use(folder: Path, primary: str, secondary: str | None = None) -> None:
    """Write the example's store with these keys."""
    store = yaml.safe_load((EXAMPLE / "conversationstore.yaml").read_text())
    kept = [item for item in store["spec"]["metadata"] if not item["name"].endswith("EncryptionKey")]
    for name, key in (("primaryEncryptionKey", primary), ("secondaryEncryptionKey", secondary)):
        if key is not None:
            kept.append({"name": name, "secretKeyRef": {"name": key, "key": key}})
    store["spec"]["metadata"] = kept
    (folder / "conversationstore.yaml").write_text(yaml.safe_dump(store))


async def test_the_sidecars_key_is_changed_and_everything_is_remembered(dapr_runtime: None, tmp_path: Path) -> None:
    """With the old key as the secondary one all is read, and what is written names the new one."""
    folder = tmp_path / "components"
    shutil.copytree(EMBEDDED, folder)
    shutil.copy(EXAMPLE / "statekeys.yaml", folder)
    shutil.copy(EXAMPLE / "conversationstore.yaml", folder)  # as it is
    keys = {FIRST: secrets.token_hex(32), SECOND: secrets.token_hex(32)}
    with ScriptedModel(lambda request: Say(f"you said {last_user_message(request)}")) as model:
        async with Stack(env={**model.env, **keys}, options=(f"--components={folder}",)) as stack:
            user = User(stack, "ada", "encrypted")
            await user.ask("quokka-one")
            await user.ask("quokka-two")
            _use(folder, SECOND, FIRST)
            await stack.restart()
            await user.ask("quokka-three")
            prompt = [m["content"] for m in model.asked("quokka-three")[0]["messages"] if m["role"] == "user"]
            assert prompt == ["quokka-one", "quokka-two", "quokka-three"]
            rows = list(sqlite_rows(stack.data_dir / "state.sqlite", "conversation_state"))
            assert not any("quokka" in row for row in rows)
            assert any(row.endswith(f"||{FIRST}") for row in rows)
            assert any(row.endswith(f"||{SECOND}") for row in rows)
