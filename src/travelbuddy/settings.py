"""Every setting in one frozen class: the environment first, then ``.env``, then secrets in files, then the default."""

from __future__ import annotations

import os
import re
import socket
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from travelbuddy.domain.signing import WebhookSecret
from travelbuddy.errors import RuntimeProblem
from travelbuddy.sealing import KEY_FORM, Sealer
from travelbuddy.telemetry.prices import read_prices

Auth = Literal["none", "api-key", "jwt"]
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]

SERVERS = r"^(|[a-z0-9-]{1,30}(\s*,\s*[a-z0-9-]{1,30})*)$"
SECRETS = Path("/run/secrets")
"""Where containers find secrets: each a file, named after its setting in lower case."""


class _Secrets(SecretsSettingsSource):
    """The files of SECRETS. An empty one is no setting at all, as an empty variable."""

    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__call__().items() if value != ""}


class Settings(BaseSettings):
    """The service's configuration. Durations are seconds."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    app_host: str = "127.0.0.1"
    allowed_hosts: str = Field("", description="names the service is called by; default: any, on loopback its own")
    app_port: int = Field(8001, ge=1, le=65535)
    dapr_host: str = "127.0.0.1"
    dapr_http_port: int = Field(3500, ge=1, le=65535)
    dapr_grpc_port: int = Field(50001, ge=1, le=65535)

    auth: Auth = "none"
    insecure: bool = Field(False, description="AUTH=none although others reach the address")
    api_keys_file: Path | None = None
    jwt_jwks_url: str = Field("", description="where the identity provider publishes its keys")
    jwt_audience: str = Field("", description="what a token must be meant for")
    jwt_issuer: str = Field("", description="whom a token must be from")
    jwt_user_claim: str = "sub"
    app_api_token: SecretStr | None = Field(None, description="what the sidecar shows the app")
    dapr_api_token: SecretStr | None = Field(None, description="what the app shows the sidecar")
    rate_per_user: str = Field("", description="requests of one user, per replica; default with AUTH: 120/minute")
    rate_per_address: str = Field("", description="requests from one address; default with AUTH: 600/minute")
    cors_origins: str = Field("", description="web pages, by origin, that browsers may let call; default: none")

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-4o-mini"
    model_timeout: float = Field(60, gt=0, description="longest wait for one model call")
    model_patience: float = Field(900, gt=0, le=86_400, description="seconds a turn waits for a model that is away")
    model_attempts: int | None = Field(None, ge=1, description="tries of one model call; default: while patience lasts")
    max_steps: int = Field(8, ge=1, description="model calls in one turn before it is told to finish")
    max_tokens_per_turn: int | None = Field(None, ge=1, description="tokens after which a turn is told to finish")
    max_tokens_per_day: int | None = Field(None, ge=1, description="tokens after which a user waits until midnight UTC")
    max_tokens_per_session: int | None = Field(None, ge=1, description="tokens after which a session is closed")

    model_prices: str = Field("", description="dollars per million tokens by model: JSON, or a file with it")

    max_turns: int = Field(500, ge=1, description="turns in progress, per replica, from which on HTTP doors say 503")
    chat_wait: float = Field(45, ge=0, le=3600, description="longest wait of POST /chat before it answers 202")
    drain_seconds: float = Field(15, ge=0, le=600, description="longest time for what is under way, when told to stop")
    state_redis: str = Field("", description="host:port of the Redis with the state, looked at once for warnings")
    broker_redis: str = Field("", description="the same for the Redis with the messages")
    redis_password: SecretStr | None = Field(None, description="of both, where they want one")
    replica_name: str = Field("", description="how other replicas address this one; default: host name and port")

    flights: Literal["sample", "duffel"] = "sample"
    duffel_access_token: SecretStr | None = Field(None, description="for FLIGHTS=duffel", validate_default=True)
    duffel_url: str = Field("https://api.duffel.com", pattern=r"^https?://[^/?#\s]+/?$")
    default_origin: str = Field("LHR", description="IATA or metropolitan code used when nothing better is known")
    assume_missing: bool = Field(True, description="search without an origin or a day, assuming them; else ask")
    today: date | None = Field(None, description="fixes the agent's calendar; unset means the real date")

    mcp_servers: str = Field("", pattern=SERVERS, description="Dapr's MCPServers whose tools the agent may use")

    approval_hours: float = Field(72, gt=0, le=8_000, description="how long a traveller may take to approve a hold")
    watch_every: float = Field(21_600, gt=0, le=604_800, description="between two looks at a fare, if none is named")
    watch_every_min: float = Field(900, gt=0, le=604_800, description="shortest period that a fare watch may have")
    webhook_secret: WebhookSecret | None = Field(None, description="signs what is sent to the webhooks of fare watches")
    webhook_allow_private: bool = Field(False, description="lets webhooks lead into private networks; for tests")

    state_key: SecretStr | None = Field(None, description="seals what is stored of users: 64 hexadecimal digits")
    state_key_old: SecretStr | None = Field(None, description="keys, divided by commas, that only open")
    payload_key: SecretStr | None = Field(None, description="seals what is handed to the workflow engine")
    payload_key_old: SecretStr | None = None

    audit_log: str = Field("", description="file of the audit log, or stdout (the default), or off")
    log_level: str = "INFO"
    log_format: Literal["console", "json"] = "console"
    log_content: bool = Field(False, description="lets the log say what people wrote, where an error quotes it")

    otel_exporter_otlp_endpoint: str = Field("", description="where traces go: base URL of OTLP over HTTP; empty: none")
    otel_service_name: str = "travelbuddy"
    otel_traces_sampler: Sampler = "parentbased_always_on"
    otel_traces_sampler_arg: float = Field(1, ge=0, le=1, description="the part of the traces, where the sampler asks")

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _known_endpoint(cls, value: str) -> str:
        where = urlsplit(value)
        if value and (where.scheme not in {"http", "https"} or not where.hostname or where.query or where.fragment):
            raise ValueError("write the base URL of a receiver of OTLP over HTTP, as http://localhost:4318")
        return value

    @field_validator("state_key", "state_key_old", "payload_key", "payload_key_old")
    @classmethod
    def _known_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        several = str(info.field_name).endswith("_old")
        for key in _keys(value) if several else [value.get_secret_value()] if value is not None else []:
            if not KEY_FORM.fullmatch(key):
                raise ValueError("a key is 64 hexadecimal digits; make one with `openssl rand -hex 32`")
        return value

    @field_validator("duffel_access_token")
    @classmethod
    def _known_token(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if info.data.get("flights") == "duffel" and value is None:
            raise ValueError("FLIGHTS=duffel needs one: duffel_test_… to try it, duffel_live_… to sell")
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("a token has letters, digits and signs only, and no blanks")
        return value

    @field_validator("model_prices")
    @classmethod
    def _known_prices(cls, value: str) -> str:
        read_prices(value)
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("choose DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("rate_per_user", "rate_per_address")
    @classmethod
    def _known_rate(cls, value: str) -> str:
        if value not in {"", "off"} and not re.fullmatch(r"[1-9]\d*\s*/\s*(second|minute|hour|day)", value):
            raise ValueError("write a number per second, minute, hour or day, as 120/minute, or off")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, first come first; SECRETS is one where that folder exists."""
        secrets = (_Secrets(settings_cls, SECRETS),) if SECRETS.is_dir() else ()
        return init_settings, env_settings, dotenv_settings, *secrets

    @property
    def on_loopback(self) -> bool:
        """True when only this machine reaches the service."""
        try:
            return ip_address(self.app_host).is_loopback
        except ValueError:
            return self.app_host == "localhost"

    @property
    def replica(self) -> str:
        """The replica's name as part of a topic's: letters, digits and ``-``."""
        return re.sub(r"[^A-Za-z0-9-]+", "-", self.replica_name or f"{socket.gethostname()}-{self.app_port}")

    @property
    def state_sealer(self) -> Sealer:
        """For the records of sessions, turns and users."""
        return _sealer("STATE_KEY", self.state_key, self.state_key_old)

    @property
    def payload_sealer(self) -> Sealer:
        """For workflow payloads, and for what replicas tell each other."""
        return _sealer("PAYLOAD_KEY", self.payload_key, self.payload_key_old)

    @property
    def offline(self) -> bool:
        """True when no model is configured, so that the built-in offline model answers."""
        return self.openai_api_key is None and self.openai_base_url is None


def _sealer(setting: str, key: SecretStr | None, old: SecretStr | None) -> Sealer:
    return Sealer(setting, key.get_secret_value() if key is not None else None, _keys(old))


def _keys(value: SecretStr | None) -> tuple[str, ...]:
    return listed(value.get_secret_value()) if value is not None else ()


def listed(value: str) -> tuple[str, ...]:
    """The parts of a setting that holds several, divided by commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def load_settings(**chosen: object) -> Settings:
    """The settings in force, with those ``chosen`` otherwise; raises RuntimeProblem that names each bad one."""
    try:
        return Settings(**chosen)  # type: ignore[arg-type]
    except ValidationError as invalid:
        bad = "; ".join(f"{'.'.join(map(str, error['loc'])).upper()}: {error['msg']}" for error in invalid.errors())
        raise RuntimeProblem(f"Bad settings (environment, .env or {SECRETS}): {bad}") from invalid
    except (OSError, SettingsError) as error:
        raise RuntimeProblem(f"A secret is not readable for uid {os.geteuid()}: {error.__cause__ or error}") from error
