"""Which carriers an airline's name or code means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from travelbuddy.domain.travel import Carrier
from travelbuddy.flights.directory import fold

_KIND = re.compile(r"(?:airlines?|airways|air)$")


def is_airline(carrier: Carrier, airline: str) -> bool:
    """Whether that is its code, its name, or the words that its name begins with: "Norwegian" is Norwegian Air Shuttle.

    What kind of a company it is says less than the order of the words: "Delta" is Delta Air Lines, and Air China is not
    China Airlines.
    """
    wanted, words = fold(airline).replace(" ", ""), fold(carrier.name).split()
    beginnings = {"".join(words[:number]) for number in range(1, len(words) + 1)}
    bare = _KIND.sub("", wanted)
    named = bool(bare) and (wanted in beginnings or bare == _KIND.sub("", "".join(words)))
    return named or airline.strip().upper() == carrier.iata_code


def as_asked(carriers: Iterable[Carrier], airline: str | None) -> bool:
    """True where one of them is the airline that is asked for, or none is: a supplier's cut spares these."""
    return airline is None or any(is_airline(carrier, airline) for carrier in carriers)
