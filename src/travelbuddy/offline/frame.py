"""What a sentence can mean: the vocabulary shared by understanding (``language``) and deciding (``dialogue``)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import Enum, auto


class Intent(Enum):
    """What a sentence wants, beside the slots it fills; one sentence may want several things."""

    SEARCH = auto()
    BOOK = auto()
    RESET = auto()
    GREET = auto()
    THANK = auto()
    GOODBYE = auto()
    HELP = auto()
    ABOUT_SELF = auto()
    AFFIRM = auto()
    DENY = auto()
    CORRECT = auto()
    NO_TOOLS = auto()


@dataclass(frozen=True)
class Frame:
    """The slots of ``search_flights``; None means the user has not said.

    Places and dates are IATA codes and ISO dates where that is sure, the user's own words otherwise.
    """

    origin: str | None = None
    destination: str | None = None
    departure_date: str | None = None
    return_date: str | None = None
    passengers: int | None = None
    cabin: str | None = None
    max_stops: int | None = None
    max_price: float | None = None
    airline: str | None = None
    sort: str | None = None

    def filled(self) -> dict[str, str | int | float]:
        """The slots that hold something, by name, ready to be a tool call's arguments."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}

    def said(self) -> Frame:
        """A copy in which what a search takes for granted is not said."""
        passengers = None if self.passengers == 1 else self.passengers
        return replace(self, passengers=passengers, cabin=None if self.cabin == "economy" else self.cabin)

    def updated(self, newer: Frame) -> Frame:
        """A copy with every slot that ``newer`` fills taken from there."""
        return replace(self, **newer.filled())  # type: ignore[arg-type]

    def without(self, names: frozenset[str]) -> Frame:
        """A copy with the named slots emptied."""
        return replace(self, **dict.fromkeys(names))


class ErrandKind(Enum):
    """What can be wanted beside an answer."""

    HOLD = auto()
    WATCH = auto()
    LIST = auto()
    CANCEL = auto()
    DETAILS = auto()
    QUESTION = auto()
    MORE = auto()


@dataclass(frozen=True)
class Which:
    """One of several: the ``rank``-th (from 0, -1 the last) in the order ``by``.

    ``by`` is ``listed``, ``price``, ``duration``, ``departure``, ``name`` (a carrier or a flight), ``id`` or ``it``.
    """

    by: str
    rank: int = 0
    name: str = ""


@dataclass(frozen=True)
class Errand:
    """What is to be done with which of the offers, or below which price."""

    kind: ErrandKind
    which: Which | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Shift:
    """Move a date of the trip by so many days; ``leg`` is ``departure_date`` or ``return_date``."""

    leg: str
    days: int


@dataclass(frozen=True)
class Understanding:
    """Everything one user message says, without looking at the conversation around it.

    ``loose_place`` and ``loose_date`` are a place and a date whose role ("to", "from", "back on") was not said.
    """

    intents: frozenset[Intent] = frozenset()
    frame: Frame = field(default_factory=Frame)
    cleared: frozenset[str] = frozenset()
    loose_place: str | None = None
    loose_date: str | None = None
    shift: Shift | None = None
    stay_days: int | None = None
    round_trip: bool = False
    joining: int = 0
    """So many people more than before."""
    remember: dict[str, str] = field(default_factory=dict)
    forget: tuple[str, ...] = ()
    recall: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    told: bool = False
    """Something was told that asks for nothing."""
    errand: Errand | None = None

    @property
    def changes_trip(self) -> bool:
        """True when some detail of a flight search was given, changed or withdrawn."""
        return bool(
            self.frame != Frame()
            or self.cleared
            or self.loose_place
            or self.loose_date
            or self.shift
            or self.stay_days
            or self.round_trip
            or self.joining
        )
