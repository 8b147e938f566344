"""Where settings come from, and how wrong ones are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from travelbuddy.errors import RuntimeProblem
from travelbuddy.sealing import Sealer
from travelbuddy.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory, and nothing of the developer's environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("travelbuddy.settings.SECRETS", Path("secrets"))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


def _dotenv(text: str) -> None:
    Path(".env").write_text(text)


def test_nothing_needs_to_be_set() -> None:
    """Without any setting the service runs on the well-known ports, with the offline model and sample flights."""
    settings = Settings()
    assert (settings.app_port, settings.dapr_http_port, settings.dapr_grpc_port) == (8001, 3500, 50001)
    assert settings.offline
    assert (settings.flights, settings.today) == ("sample", None)


def test_the_environment_comes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable wins over ``.env``, and what only ``.env`` says counts too."""
    _dotenv("APP_PORT=9001\nOPENAI_MODEL=from-file\nTODAY=2026-07-01\n")
    monkeypatch.setenv("APP_PORT", "9002")
    settings = Settings()
    assert (settings.app_port, settings.openai_model, settings.today) == (9002, "from-file", date(2026, 7, 1))


def _secret(name: str, text: str) -> Path:
    file = Path("secrets") / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_secrets_in_files_count_where_nothing_else_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is named after its setting; ``.env`` comes before it and the environment before that, unless empty."""
    for name in ("openai_api_key", "openai_model", "today"):
        _secret(name, "2026-07-01\n")
    _secret("somebody_elses", "x")
    _dotenv("OPENAI_MODEL=from-dotenv\n")
    monkeypatch.setenv("TODAY", "2026-08-01")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    settings = Settings()
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "2026-07-01"
    assert (settings.openai_model, settings.today) == ("from-dotenv", date(2026, 8, 1))


def test_an_empty_secret_is_none_at_all() -> None:
    """A file with nothing in it chooses no model."""
    _secret("openai_api_key", "\n")
    _secret("openai_base_url", "")
    assert Settings().offline


def test_a_secret_that_cannot_be_read_is_one_line() -> None:
    """The file is named, and who should be able to read it."""
    _secret("state_key", "ab" * 32).chmod(0)
    was = os.geteuid()
    if was == 0:
        os.chmod(".", 0o755)  # noqa: S103  others may look into the folder
        os.seteuid(10001)  # root reads everything
    try:
        with pytest.raises(RuntimeProblem, match=rf"not readable for uid {os.geteuid()}: .*state_key"):
            load_settings()
    finally:
        os.seteuid(was)


def test_an_empty_value_is_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """``OPENAI_API_KEY=`` as in a copied example file is no key, so the offline model answers."""
    _dotenv("OPENAI_API_KEY=\nAPP_PORT=\n")
    monkeypatch.setenv("TODAY", "")
    settings = Settings()
    assert settings.offline
    assert (settings.app_port, settings.today) == (8001, None)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_a_key_or_an_address_chooses_a_real_model(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Either is enough: a local server needs no key."""
    monkeypatch.setenv(name, "http://localhost:1/v1")
    assert not Settings().offline


def test_variables_of_others_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name in the file or the environment is somebody else's."""
    _dotenv("POSTGRES_PASSWORD=x\n")
    monkeypatch.setenv("SHELLY", "y")
    assert Settings().app_port == 8001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_PORT", "eighty"),
        ("APP_PORT", "0"),
        ("DAPR_HTTP_PORT", "65536"),
        ("MODEL_TIMEOUT", "-1"),
        ("MODEL_ATTEMPTS", "0"),
        ("MAX_STEPS", "0"),
        ("TODAY", "yesterday"),
        ("FLIGHTS", "paper"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The error names the setting and no other."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert [error["loc"] for error in refused.value.errors()] == [(name.lower(),)]


@pytest.mark.parametrize("level", ["debug", "Info", "WARNING", "error"])
def test_the_log_level_is_read_in_any_case(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    """``debug`` is DEBUG."""
    monkeypatch.setenv("LOG_LEVEL", level)
    assert Settings().log_level == level.upper()


def test_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing the settings, as a log line may, does not print the key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    settings = Settings()
    assert "very-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_settings_do_not_change() -> None:
    """What was read at the start holds for the life of the process."""
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Settings(), "app_port", 1)  # noqa: B010  the type checker knows it cannot be set


@pytest.mark.parametrize("name", ["STATE_KEY", "STATE_KEY_OLD", "PAYLOAD_KEY", "PAYLOAD_KEY_OLD"])
@pytest.mark.parametrize("value", ["short", "z" * 64, "a" * 63, "a" * 65, "a" * 32])
def test_a_key_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """One line names the setting and how to make a key, and does not repeat what was there."""
    monkeypatch.setenv(name, value)
    with pytest.raises(RuntimeProblem) as caught:
        load_settings()
    assert f"{name}: " in str(caught.value)
    assert "openssl rand -hex 32" in str(caught.value)
    assert value not in str(caught.value)


def test_several_old_keys_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys that only open are divided by commas; without a key to seal with, nothing is sealed."""
    keys = ["ab" * 32, "CD" * 32]
    monkeypatch.setenv("PAYLOAD_KEY_OLD", ", ".join(keys))
    sealer = load_settings().payload_sealer
    assert not sealer.seals
    for key in keys:
        assert sealer.open(Sealer("x", key).seal("hello", "here"), "here") == "hello"


@pytest.mark.parametrize("command", [["up"], ["serve"]])
def test_a_bad_key_ends_the_start_with_one_line(tmp_path: Path, command: list[str]) -> None:
    """Both ways to start end with exit code 2, name the setting, and start nothing."""
    program = [str(Path(sys.executable).parent / "travelbuddy"), *command, f"--data-dir={tmp_path / 'data'}"]
    if command == ["serve"]:
        program = [sys.executable, "-m", "travelbuddy"]
    ended = subprocess.run(
        program, env={"PATH": "/usr/bin", "PAYLOAD_KEY": "secretly-short"}, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 2
    assert "PAYLOAD_KEY: " in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "secretly-short" not in ended.stderr + ended.stdout
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("token", ["", "duffel_test_a b", "duffel_test_\n", "duffel_test_é"])
def test_duffel_needs_a_token(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """FLIGHTS=duffel without one, or with one that is none, does not start: one line names it, and not what it held."""
    monkeypatch.setenv("FLIGHTS", "duffel")
    monkeypatch.setenv("DUFFEL_ACCESS_TOKEN", token)
    with pytest.raises(RuntimeProblem) as caught:
        load_settings()
    assert "DUFFEL_ACCESS_TOKEN: " in str(caught.value)
    assert "duffel_test_a" not in str(caught.value)


def test_duffel_with_a_token_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept as a secret; a token alone changes nothing; an address is one."""
    monkeypatch.setenv("DUFFEL_ACCESS_TOKEN", "duffel_test_secret")
    assert load_settings().flights == "sample"
    monkeypatch.setenv("FLIGHTS", "duffel")
    settings = load_settings()
    assert (settings.flights, settings.duffel_url) == ("duffel", "https://api.duffel.com")
    assert "duffel_test_secret" not in settings.model_dump_json()
    monkeypatch.setenv("DUFFEL_URL", "api.duffel.com")
    with pytest.raises(RuntimeProblem, match="DUFFEL_URL"):
        load_settings()
