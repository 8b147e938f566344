"""What follows from a credential for the ids in a request."""

from __future__ import annotations

import pytest

from travelbuddy.access.callers import Caller
from travelbuddy.errors import NotFound, NotYou, OwnedByAnother

ADA, ANYBODY = Caller("ada"), Caller()


def test_a_credential_says_whose_message_it_is() -> None:
    """Left out or one's own is oneself; another's is refused; without a credential the request is believed."""
    assert (ADA.acts_as(None), ADA.acts_as("ada")) == ("ada", "ada")
    with pytest.raises(NotYou):
        ADA.acts_as("bob")
    assert (ANYBODY.acts_as("bob"), ANYBODY.acts_as(None)) == ("bob", None)


def test_another_users_things_are_not_there() -> None:
    """Seeing another user's is "not found", not "forbidden": that would tell that there is something."""
    assert (ADA.sees(None), ADA.sees("ada")) == ("ada", "ada")
    with pytest.raises(NotFound):
        ADA.sees("bob")
    assert (ANYBODY.sees("bob"), ANYBODY.sees(None)) == ("bob", None)


@pytest.mark.parametrize("session", ["dm-bob", "default-bob", "dm-", "default-", "dm-ada2", "default-ada/.."])
def test_nobody_sits_down_in_a_session_that_will_be_anothers(session: str) -> None:
    """The names of personal sessions are their users', also before the first message: who came first would own it."""
    with pytest.raises(OwnedByAnother):
        ADA.enters(session)
    assert ANYBODY.enters(session) == session


@pytest.mark.parametrize("session", ["dm-ada", "default-ada", "default", "holiday", "dmx-bob"])
def test_other_sessions_are_anybodys(session: str) -> None:
    """One's own personal sessions, and names that say nothing."""
    assert ADA.enters(session) == session
