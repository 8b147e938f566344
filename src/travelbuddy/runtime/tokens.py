"""What app and sidecar show each other, so that nobody else can pass for one of them."""

from __future__ import annotations

import secrets

from pydantic import SecretStr

from travelbuddy.settings import Settings
from travelbuddy.unsafe_settings import refuse_unsafe


def shared_tokens(settings: Settings) -> dict[str, str]:
    """The environment of app and sidecar: the tokens that are set, and an APP_API_TOKEN where AUTH needs one.

    Raises RuntimeProblem for settings that would let people in who should not be.
    """
    app, dapr = settings.app_api_token, settings.dapr_api_token
    if app is None and settings.auth != "none":
        app = SecretStr(secrets.token_urlsafe(32))
    refuse_unsafe(settings.model_copy(update={"app_api_token": app}))
    tokens = {"APP_API_TOKEN": app, "DAPR_API_TOKEN": dapr}
    shared = {name: token.get_secret_value() for name, token in tokens.items() if token is not None}
    return shared | ({"INSECURE": "true"} if settings.insecure else {})
