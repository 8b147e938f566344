"""Every setting in one frozen class: the environment first, then ``.env``, then the default."""

from __future__ import annotations

import re
import socket
from datetime import date
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from travelbuddy.errors import RuntimeProblem


class Settings(BaseSettings):
    """The service's configuration. Durations are seconds."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    app_host: str = "127.0.0.1"
    app_port: int = Field(8001, ge=1, le=65535)
    dapr_host: str = "127.0.0.1"
    dapr_http_port: int = Field(3500, ge=1, le=65535)
    dapr_grpc_port: int = Field(50001, ge=1, le=65535)

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-4o-mini"
    model_timeout: float = Field(60, gt=0, description="longest wait for one model call")
    model_attempts: int = Field(5, ge=1, description="tries of one model call before the turn fails")
    max_steps: int = Field(8, ge=1, description="model calls in one turn before it is told to finish")

    max_turns: int = Field(500, ge=1, description="turns in progress, per replica, from which on HTTP doors say 503")
    chat_wait: float = Field(60, ge=0, le=3600, description="longest wait of POST /chat before it answers 202")
    replica_name: str = Field("", description="how other replicas address this one; default: host name and port")

    flights: Literal["sample"] = "sample"
    default_origin: str = Field("LHR", description="IATA or metropolitan code used when nothing better is known")
    today: date | None = Field(None, description="fixes the agent's calendar; unset means the real date")

    audit_log: str = Field("", description="file of the audit log, or stdout (the default), or off")
    log_level: str = "INFO"
    log_format: Literal["console", "json"] = "console"

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = value.upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("choose DEBUG, INFO, WARNING or ERROR")
        return level

    @property
    def replica(self) -> str:
        """The replica's name as part of a topic's: letters, digits and ``-``."""
        return re.sub(r"[^A-Za-z0-9-]+", "-", self.replica_name or f"{socket.gethostname()}-{self.app_port}")

    @property
    def offline(self) -> bool:
        """True when no model is configured, so that the built-in offline model answers."""
        return self.openai_api_key is None and self.openai_base_url is None


def load_settings() -> Settings:
    """The settings in force; raises RuntimeProblem with one line that names each bad one."""
    try:
        return Settings()
    except ValidationError as invalid:
        bad = [f"{'.'.join(map(str, error['loc'])).upper()}: {error['msg']}" for error in invalid.errors()]
        raise RuntimeProblem(f"Bad settings (environment or .env): {'; '.join(bad)}") from invalid
