"""How often one user and one address may ask."""

from __future__ import annotations

import pytest

from travelbuddy.access.build import build_gate
from travelbuddy.access.callers import Caller
from travelbuddy.access.gate import Gate
from travelbuddy.access.rates import Rates
from travelbuddy.errors import RuntimeProblem, TooManyRequests, Unauthenticated
from travelbuddy.settings import Settings, load_settings


class OneKey:
    """Knows one key of each user: the user's name."""

    async def caller(self, credential: str | None) -> Caller:
        """See Authenticator."""
        if credential is None:
            raise Unauthenticated("send a key")
        return Caller(credential)


async def test_each_user_has_a_rate_of_their_own() -> None:
    """The request too many is refused with the seconds to wait, and nobody else is."""
    gate = Gate(OneKey(), Rates("3/hour", "off"))
    for _ in range(3):
        await gate.caller("1.1.1.1", "ada")
    with pytest.raises(TooManyRequests) as refused:
        await gate.caller("2.2.2.2", "ada")
    assert 1 <= (refused.value.retry_after or 0) <= 3600
    assert (await gate.caller("1.1.1.1", "bob")).user_id == "bob"


async def test_guessing_keys_is_limited_by_address() -> None:
    """An address that only ever fails is told to wait; others are not."""
    gate = Gate(OneKey(), Rates("off", "3/hour"))
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await gate.caller("1.1.1.1", None)
    with pytest.raises(TooManyRequests):
        await gate.caller("1.1.1.1", "ada")
    await gate.caller("2.2.2.2", "ada")


async def test_without_credentials_nobody_is_counted_unless_asked_for() -> None:
    """AUTH=none has no limits of its own accord, and takes those that are set."""
    gate = build_gate(Settings(_env_file=None))
    for _ in range(700):
        await gate.caller("127.0.0.1", None)
    limited = build_gate(Settings(_env_file=None, rate_per_address="2/minute"))
    await limited.caller("127.0.0.1", None)
    await limited.caller("127.0.0.1", None)
    with pytest.raises(TooManyRequests):
        await limited.caller("127.0.0.1", None)


@pytest.mark.parametrize("rate", ["0/minute", "10", "10/fortnight", "-1/second", "ten/minute", "10/minute; 1/second"])
def test_a_bad_rate_is_named(rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting and how to write one."""
    monkeypatch.setenv("RATE_PER_USER", rate)
    with pytest.raises(RuntimeProblem, match=r"RATE_PER_USER.*120/minute"):
        load_settings()
