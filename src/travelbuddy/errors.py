"""Everything that can go wrong, as one tree.

TravelBuddyError
├── Transient            the engine tries again, after ``retry_after`` seconds when the other side named a time
│   ├── ModelUnavailable     time-out, 429, 5xx or broken answer of the model
│   ├── StoreUnavailable     the state store or the sidecar did not answer
│   │   └── StoreNotAsked    the sidecar is away, or the breaker is open
│   ├── IdentityUnavailable  who is calling cannot be told now: the key file or the identity provider is away
│   ├── TooManyRequests      this user or address has asked too often
│   └── Overloaded           as many turns are in progress as may be; nothing was accepted
├── Permanent            trying again cannot help; becomes a reply, a tool error or a problem document
│   ├── ModelRefused         the model's server rejected the request (bad key, bad request)
│   ├── ToolError            the tool's arguments make no sense; told to the model as a value
│   │   └── TooManyWatches       the user has as many fare watches as may be
│   ├── Unauthenticated      no credential, or one that is not accepted
│   ├── NotYou               the request names another user than its credential
│   ├── BadCursor            a Last-Event-ID that is none of ours
│   ├── NotFound             no such session, turn or user
│   ├── NotOffered           the flight provider cannot do this
│   ├── SessionBusy          ``if_busy=reject`` and a turn is running
│   ├── AlreadyDecided       an approval has its decision, and this is another one
│   ├── ApprovalExpired      nobody approved in time
│   ├── TurnOver             the turn has its outcome, so nothing can be done to it any more
│   ├── TurnClosed           the turn was closed while the model was being asked; inside only
│   ├── TurnWithdrawn        the turn was refused or erased while it ran; inside only, no user meets it
│   ├── CannotOpen           a stored text is sealed with a key that is not here, or was changed
│   ├── KeyReused            an idempotency key came back with another message
│   └── OwnedByAnother       the session belongs to another user
└── RuntimeProblem       the Dapr runtime or a tool of the machine is missing; the message says what to do
"""

from __future__ import annotations


class TravelBuddyError(Exception):
    """Base of every error this package raises on purpose; its text is fit for a user to read."""

    @property
    def brief(self) -> str:
        """The text as the log has it."""
        return str(self)


class Transient(TravelBuddyError):
    """Worth another try. ``retry_after`` is in seconds, or None when nothing better than back-off is known."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelUnavailable(Transient):
    """The model did not give a usable answer this time.

    ``reason`` is why, in one of few words: rate_limited, server_error, timeout, unreachable, broken (an answer came and
    was not understood), or breaker (it was not asked).
    """

    def __init__(self, message: str, retry_after: float | None = None, *, reason: str = "broken") -> None:
        super().__init__(message, retry_after)
        self.reason = reason

    @property
    def brief(self) -> str:
        """The message up to the words of the other side, which may quote the prompt."""
        return str(self).partition(":")[0]

    @property
    def said(self) -> str:
        """The words of the other side."""
        return str(self).partition(":")[2].strip()


class StoreUnavailable(Transient):
    """The state store, or the sidecar in front of it, did not answer."""


class StoreNotAsked(StoreUnavailable):
    """The state store was not even asked: the sidecar is away, or the breaker is open. Trying again now is no use."""


class NotBegun(StoreUnavailable):
    """The engine keeps the turn and has not begun it; until then it says nothing of it, not even whose it is."""


class IdentityUnavailable(Transient):
    """The key file or the identity provider cannot be read, so nobody can be told from anybody."""


class TooManyRequests(Transient):
    """A user or an address has asked too often."""


class Overloaded(Transient):
    """As many turns are in progress as may be; nothing was accepted."""


class Permanent(TravelBuddyError):
    """Another try would end the same way."""


class ModelRefused(Permanent):
    """The model's server refused the request itself. ``reason`` is why: a Refusal of domain/model_errors.py."""

    def __init__(self, message: str, *, reason: str = "bad_request") -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def brief(self) -> str:
        """The message up to the words of the other side, which may quote the prompt."""
        return str(self).partition(":")[0]

    @property
    def said(self) -> str:
        """The words of the other side."""
        return str(self).partition(":")[2].strip()


class ToolError(Permanent):
    """A tool cannot act on its arguments. ``kind`` is stable and machine-readable, ``field`` names the argument.

    Shown to the model as ``{"error": {"type", "field", "message", "suggestions"}}`` so that it can repair the call.
    """

    def __init__(self, kind: str, message: str, *, field: str | None = None, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.field = field
        self.suggestions = suggestions


class TooManyWatches(ToolError):
    """The user has as many fare watches open as may be."""


class Unauthenticated(Permanent):
    """There is no credential, or it is not accepted; the text says which, and nothing of what it holds."""


class NotYou(Permanent):
    """The request names another user than its credential does."""


class BadCursor(Permanent):
    """The Last-Event-ID is none of ours."""


class NotFound(Permanent):
    """Nothing is stored under that id, or it is not yours."""


class NotOffered(Permanent):
    """The flight provider cannot do this."""


class SessionBusy(Permanent):
    """The caller asked to be refused while the session has a turn in progress."""


class AlreadyDecided(Permanent):
    """The approval has its one decision, and it was another one."""


class ApprovalExpired(Permanent):
    """The approval was not decided in time."""


class TurnOver(Permanent):
    """The turn is over: answered, failed, interrupted or cancelled."""


class TurnClosed(Permanent):
    """The turn was cancelled or interrupted while the model was being asked; inside only."""


class TurnWithdrawn(Permanent):
    """The turn must leave nothing behind: it was refused at its door, or erased."""


class CannotOpen(Permanent):
    """A sealed text does not open with any key of this service. The message holds nothing of the text."""


class KeyReused(Permanent):
    """The idempotency key was used before, for another message."""


class OwnedByAnother(Permanent):
    """The session id is taken by another user."""


class RuntimeProblem(TravelBuddyError):
    """The machine lacks something; the text is one line that says what and how to get it."""
