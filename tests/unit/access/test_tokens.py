"""AUTH=jwt: which tokens are accepted, and what happens while the provider's keys cannot be read."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from tests.integration.framework.identity import AUDIENCE, ISSUER, IdentityProvider
from tests.integration.framework.polling import poll_until

from travelbuddy.access.tokens import FRESH, PAUSE, STALE, Tokens
from travelbuddy.errors import IdentityUnavailable, Unauthenticated


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """A provider with one key."""
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def tokens(provider: IdentityProvider, clock: Clock) -> Tokens:
    """The authenticator under test."""
    return Tokens(provider.url, AUDIENCE, ISSUER, clock=clock)


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_good_token_names_its_user(provider: IdentityProvider, tokens: Tokens) -> None:
    """The subject is the user id, or another claim where one is set."""
    assert (await tokens.caller(provider.token("ada"))).user_id == "ada"
    by_email = Tokens(provider.url, AUDIENCE, ISSUER, claim="email")
    assert (await by_email.caller(provider.token("1", email="ada@example.com"))).user_id == "ada@example.com"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"aud": "another-service"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"nbf": int(time.time()) + 86_400},
        {"sub": None},
        {"sub": "a/b"},
        {"sub": "x" * 129},
        {"sub": ""},
        {"sub": 7},
    ],
    ids=str,
)
async def test_a_token_that_says_the_wrong_thing_is_refused(
    provider: IdentityProvider, tokens: Tokens, claims: dict[str, Any]
) -> None:
    """Expired, for somebody else, from somebody else, not yet valid, or of no possible user."""
    with pytest.raises(Unauthenticated):
        await tokens.caller(provider.token("ada", **claims))


async def test_a_token_that_was_changed_is_refused(provider: IdentityProvider, tokens: Tokens) -> None:
    """Another payload under the old signature, another signature, no signature, and what is no token at all."""
    head, payload, signature = provider.token("ada").split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = _segment({**claims, "sub": "bob"})
    for bad in (
        f"{head}.{forged}.{signature}",
        f"{head}.{payload}.{signature[:-4]}AAAA",
        f"{head}.{payload}.",
        f"{_segment({'alg': 'none', 'typ': 'JWT', 'kid': 'key-1'})}.{forged}.",
        f"{_segment({'alg': 'None', 'kid': 'key-1'})}.{forged}.",
        "not a token",
        "a.b.c",
        "",
        None,
    ):
        with pytest.raises(Unauthenticated):
            await tokens.caller(bad)


async def test_a_public_key_is_no_shared_secret(provider: IdentityProvider, tokens: Tokens) -> None:
    """A token signed by HMAC with the published key, which everybody has, is refused."""
    import hashlib
    import hmac

    (public,) = provider.published()
    head = _segment({"alg": "HS256", "typ": "JWT", "kid": "key-1"})
    payload = provider.token("bob").split(".")[1]
    mac = hmac.new(json.dumps(public).encode(), f"{head}.{payload}".encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    with pytest.raises(Unauthenticated):
        await tokens.caller(f"{head}.{payload}.{signature}")
    secret = jwt.encode({"sub": "bob", "aud": AUDIENCE, "iss": ISSUER}, "s" * 32, headers={"kid": "key-1"})
    with pytest.raises(Unauthenticated):
        await tokens.caller(secret)


async def test_the_refusal_tells_nothing_of_the_token(provider: IdentityProvider, tokens: Tokens) -> None:
    """The text of a refusal holds neither the token nor what is in it."""
    token = provider.token("somebody-secret", lifetime=-60)
    with pytest.raises(Unauthenticated) as refused:
        await tokens.caller(token)
    assert "somebody-secret" not in str(refused.value)
    assert token not in str(refused.value)


async def test_a_new_key_is_fetched_once_asked_for(provider: IdentityProvider, tokens: Tokens, clock: Clock) -> None:
    """After a rotation the first token of the new key brings it in, and the old key's tokens end with it."""
    old = provider.token("ada")
    await tokens.caller(old)
    provider.rotate("key-2")
    clock.now += PAUSE + 1
    assert (await tokens.caller(provider.token("ada"))).user_id == "ada"
    with pytest.raises(Unauthenticated):
        await tokens.caller(old)


async def test_unknown_keys_do_not_flood_the_provider(provider: IdentityProvider, tokens: Tokens) -> None:
    """A hundred tokens of made-up keys make the service ask once."""
    await tokens.caller(provider.token("ada"))
    before = provider.reads
    made_up = [tokens.caller(provider.token("ada", key_id=f"made-up-{number}")) for number in range(100)]
    answers = await asyncio.gather(*made_up, return_exceptions=True)
    assert all(isinstance(answer, Unauthenticated) for answer in answers)
    assert provider.reads <= before + 1


async def test_keys_outlive_a_short_absence_of_the_provider(
    provider: IdentityProvider, tokens: Tokens, clock: Clock
) -> None:
    """Keys once read are used for an hour; then nobody can be told from anybody, which is 503 and not 401."""
    token = provider.token("ada", lifetime=10_000)
    await tokens.caller(token)
    provider.down = True
    clock.now += FRESH + 1
    assert (await tokens.caller(token)).user_id == "ada"
    clock.now += STALE
    with pytest.raises(IdentityUnavailable):
        await tokens.caller(token)
    provider.down = False
    clock.now += PAUSE + 1
    assert (await tokens.caller(token)).user_id == "ada"


async def test_one_request_waits_for_a_slow_provider_and_the_others_do_not(
    provider: IdentityProvider, tokens: Tokens, clock: Clock
) -> None:
    """While keys that are still good enough are being read anew, they serve."""
    token = provider.token("ada", lifetime=10_000)
    await tokens.caller(token)
    provider.hold.clear()
    clock.now += FRESH + 1
    waiting = asyncio.create_task(tokens.caller(token))
    try:
        await poll_until(lambda: provider.reads == 2, 5, "the keys are being read anew")
        assert (await asyncio.wait_for(tokens.caller(token), 1)).user_id == "ada"
        assert not waiting.done()
    finally:
        provider.hold.set()
    assert (await waiting).user_id == "ada"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "x"}]}', b"<html>"])
async def test_a_provider_that_answers_nonsense_is_no_crash(
    provider: IdentityProvider, tokens: Tokens, body: bytes
) -> None:
    """What is no key set counts as a provider that cannot be read."""
    provider.body = body or b" "
    with pytest.raises(IdentityUnavailable):
        await tokens.caller(provider.token("ada"))
