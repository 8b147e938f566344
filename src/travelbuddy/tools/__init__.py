"""What the agent can do."""

from dataclasses import replace

from travelbuddy.flights.provider import FlightProvider
from travelbuddy.tools.base import Toolbox
from travelbuddy.tools.desks import Desks
from travelbuddy.tools.others import Others


def default_toolbox(flights: FlightProvider, desks: Desks | None = None, others: Others | None = None) -> Toolbox:
    """All tools of the agent for which there is a desk; searching is as local as the flights are."""
    from travelbuddy.tools.hold_flight import hold_flight
    from travelbuddy.tools.preferences import forget_preference, remember_preference
    from travelbuddy.tools.search_flights import search_flights
    from travelbuddy.tools.watches import cancel_watch, list_requests, watch_fare

    tools = [replace(search_flights, local=flights.local), remember_preference, forget_preference]
    if desks is not None and desks.bookings is not None:
        tools += [hold_flight]
    if desks is not None and desks.watches is not None:
        tools += [watch_fare, list_requests, cancel_watch]
    return Toolbox(tools, others)
