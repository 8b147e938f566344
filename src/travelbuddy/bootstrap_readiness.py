"""The part of the composition root for what `GET /ready` says."""

from __future__ import annotations

from functools import partial

from travelbuddy.adapters.dapr_probe import write_probe
from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.redis_look import RedisLook
from travelbuddy.readiness import Readiness
from travelbuddy.settings import Settings


def look_of(settings: Settings) -> RedisLook:
    """At the Redis servers that the settings name."""
    password = settings.redis_password.get_secret_value() if settings.redis_password is not None else None
    return RedisLook({"state store": settings.state_redis, "broker": settings.broker_redis}, password)


def readiness_of(settings: Settings, records: DaprRecords, look: RedisLook) -> Readiness:
    """Of the store in which the records are."""
    write = partial(write_probe, records, settings.replica)
    return Readiness(write, partial(records.read, f"ready:{settings.replica}"), look.warnings)
