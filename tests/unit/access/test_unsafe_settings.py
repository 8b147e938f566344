"""Settings that would let people in who should not be are refused before anything is served."""

from __future__ import annotations

import pytest

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.tokens import shared_tokens
from travelbuddy.settings import Settings
from travelbuddy.unsafe_settings import refuse_unsafe

JWT = {"auth": "jwt", "jwt_jwks_url": "https://id/keys", "jwt_audience": "a", "jwt_issuer": "i"}
TOKEN = {"app_api_token": "t"}
BOTH = {"app_api_token": "a", "dapr_api_token": "d"}


def _settings(**chosen: object) -> Settings:
    return Settings(_env_file=None, **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "travel.example", "::ffff:10.0.0.1"])  # noqa: S104
def test_nobody_is_let_in_unasked(host: str) -> None:
    """Without AUTH only loopback is served, unless somebody says that this is meant."""
    with pytest.raises(RuntimeProblem, match=r"AUTH=none .*--insecure"):
        refuse_unsafe(_settings(app_host=host))
    refuse_unsafe(_settings(app_host=host, insecure=True))
    refuse_unsafe(_settings(app_host=host, **TOKEN, **JWT))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_loopback_needs_nothing(host: str) -> None:
    """The default runs as it is."""
    refuse_unsafe(_settings(app_host=host))


@pytest.mark.parametrize("missing", ["jwt_jwks_url", "jwt_audience", "jwt_issuer"])
def test_jwt_names_what_it_lacks(missing: str) -> None:
    """A token whose audience or issuer nobody checks would be anybody's."""
    with pytest.raises(RuntimeProblem, match=missing.upper()):
        refuse_unsafe(_settings(**TOKEN, **{**JWT, missing: ""}))


def test_the_sidecars_token_is_asked_for() -> None:
    """With AUTH, who may hand in events in anybody's name must show the token; `up` makes one, or takes yours."""
    with pytest.raises(RuntimeProblem, match="APP_API_TOKEN"):
        refuse_unsafe(_settings(**JWT))
    made, again = shared_tokens(_settings(**JWT)), shared_tokens(_settings(**JWT))
    assert len(made["APP_API_TOKEN"]) > 30
    assert made["APP_API_TOKEN"] != again["APP_API_TOKEN"]
    given = shared_tokens(_settings(**JWT, **BOTH))
    assert given == {"APP_API_TOKEN": "a", "DAPR_API_TOKEN": "d"}
    assert shared_tokens(_settings()) == {}
