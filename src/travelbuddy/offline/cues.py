"""The words that tell which end of a trip a place is; data only."""

from __future__ import annotations

from travelbuddy.offline.text import words

CUES = {
    **dict.fromkeys(
        words(
            "to into towards toward visit visits visiting reach reaching destination arrive arrives arriving arrival"
            " land lands landing see explore tour"
        ),
        "destination",
    ),
    **dict.fromkeys(
        words(
            "from leave leaves leaving depart departs departing departure ex left origin source start starting begin"
        ),
        "origin",
    ),
    **dict.fromkeys(words("about in try do check rather meant mean"), "loose"),
}
WEAK = words(
    """
    leave leaves left depart departs departure arrive arrives arrival land lands landing see start starting begin source
    explore tour
    """
)
"""Cues that need not be followed by a place."""
FOR_MEANS_TO = words(
    "leave leaving leaves depart departing heading headed head bound flight flights ticket tickets trip off"
)
STAYS = words(
    """
    currently am i'm be live living based located we're staying stay start starting begin beginning depart departing
    leave leaving departs leaves departure originate originating originates out
    """
)
"""After these "in" and "at" name where the trip starts; after the next, where it ends."""
STAYS_THERE = words("stay staying be live living")
"""These name where it ends once it is known where it starts: "we leave Richmond and stay in San Diego"."""
ENDS = words("arrive arriving arrives land landing lands be")
TRAVEL = words("flight flights fly flying trip ticket tickets travel traveling travelling from")
MOVE = TRAVEL | words("go going get getting head heading headed")
BACK = words("back home return returning")
FILLER = words(
    ": the city of point location airport is be being was will would should my home area town in at as international"
)
"""What may stand between a cue and its name."""
ENDS_NAME = words("on at with for and or please instead by via then but if when that this not arrive arriving") | (
    CUES.keys() - WEAK
)
NOT = words("not than")
"""As in "not LA" and "rather than LA"."""
