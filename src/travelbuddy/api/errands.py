"""A user's errands as an export has them."""

from __future__ import annotations

from pydantic_core import to_json

from travelbuddy.api.routes.watches import view_of
from travelbuddy.tools.desks import Desks


async def errands_of(user_id: str, desks: Desks) -> bytes:
    """Further members of a JSON object: the user's approvals, whole, and fare watches."""
    members = b""
    if desks.bookings is not None:
        members += b',"approvals":' + to_json(await desks.bookings.of(user_id))
    if desks.watches is not None:
        members += b',"watches":' + to_json([view_of(watch) for watch in await desks.watches.of(user_id)])
    return members
