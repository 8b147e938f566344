"""What the agent can do."""

from travelbuddy.tools.base import Toolbox


def default_toolbox() -> Toolbox:
    """All tools of the agent."""
    from travelbuddy.tools.preferences import forget_preference, remember_preference
    from travelbuddy.tools.search_flights import search_flights

    return Toolbox([search_flights, remember_preference, forget_preference])
