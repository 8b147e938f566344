"""Settings that would let people in who should not be."""

from __future__ import annotations

from travelbuddy.errors import RuntimeProblem
from travelbuddy.settings import Settings


def refuse_unsafe(settings: Settings) -> None:
    """Raise RuntimeProblem for settings that would let people in who should not be."""
    needs = {
        "api-key": {"API_KEYS_FILE": settings.api_keys_file},
        "jwt": {name: getattr(settings, name.lower()) for name in ("JWT_JWKS_URL", "JWT_AUDIENCE", "JWT_ISSUER")},
    }.get(settings.auth, {})
    if missing := [name for name, value in needs.items() if not value]:
        raise RuntimeProblem(f"AUTH={settings.auth} needs {' and '.join(missing)}.")
    if settings.auth != "none" and settings.app_api_token is None:
        raise RuntimeProblem(
            f"AUTH={settings.auth} needs APP_API_TOKEN, the same for app and daprd: without it anybody could hand in "
            "messages in anybody's name. `travelbuddy up` makes one by itself."
        )
    if settings.auth == "none" and not settings.on_loopback and not settings.insecure:
        raise RuntimeProblem(
            f"APP_HOST={settings.app_host} lets others in, and AUTH=none lets them read everybody's conversations. "
            "Choose AUTH=api-key or AUTH=jwt, or say --insecure (INSECURE=true) where a gateway in front checks them."
        )
