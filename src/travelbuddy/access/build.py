"""The gate that the settings ask for. What is not asked for is not loaded."""

from __future__ import annotations

from travelbuddy.access.callers import Anybody, Authenticator
from travelbuddy.access.gate import Gate
from travelbuddy.settings import Settings

PER_USER, PER_ADDRESS = "120/minute", "600/minute"


def build_gate(settings: Settings) -> Gate:
    """Raises RuntimeProblem for a key file that cannot be read."""
    token = settings.app_api_token
    app_token = token.get_secret_value() if token is not None else None
    open_door = settings.auth == "none"
    per_user = settings.rate_per_user or ("off" if open_door else PER_USER)
    per_address = settings.rate_per_address or ("off" if open_door else PER_ADDRESS)
    if (per_user, per_address) == ("off", "off"):
        return Gate(_authenticator(settings), None, app_token)
    from travelbuddy.access.rates import Rates

    return Gate(_authenticator(settings), Rates(per_user, per_address), app_token)


def _authenticator(settings: Settings) -> Authenticator:
    if settings.auth == "api-key" and settings.api_keys_file is not None:
        from travelbuddy.access.api_keys import ApiKeys

        return ApiKeys(settings.api_keys_file)
    if settings.auth == "jwt":
        from travelbuddy.access.tokens import Tokens

        return Tokens(settings.jwt_jwks_url, settings.jwt_audience, settings.jwt_issuer, settings.jwt_user_claim)
    return Anybody()
