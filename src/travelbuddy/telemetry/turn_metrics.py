"""What is counted of turns: from acceptance over the lane and the steps to the commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.telemetry.families import OTHER, Families, known

DOORS = ("chat", "chat-stream", "start-workflow", "pubsub", "team", "mcp")
OUTCOMES = ("answered", "failed", "interrupted", "cancelled")
ACTIVITIES = ("call_model", "call_tool")
TROUBLES = ("ended", "missing", "unreadable", "idle")
REASONS = {
    "model": ("rate_limited", "server_error", "timeout", "unreachable", "broken", "breaker"),
    "store": ("unavailable", "closed"),
}


class TurnMetrics:
    """A turn is counted by the replica that commits it, right after the commit; one killed in between misses it."""

    def __init__(self, families: Families) -> None:
        doors = (*DOORS, OTHER)
        self._accepted = families.counter("messages_accepted", "Messages that became a turn, by door", {"door": doors})
        self._ended = families.counter(
            "turns",
            "Turns committed here, by outcome and door; a crash right after the commit misses one",
            {"door": doors, "outcome": OUTCOMES},
        )
        self._turn = families.histogram("turn", "From acceptance to commit", {"outcome": ()})
        self._wait = families.histogram("queue_wait", "From acceptance to being first in the session's lane", {})
        self._activity = families.histogram(
            "activity", "Executions of activities; outcome is what they came to", {"activity": (), "outcome": ()}
        )
        self._running = families.gauge(
            "activities_in_progress", "Activities being executed here", {"activity": ACTIVITIES}
        )
        self._tool = families.histogram("tool", "Runs of tools", {"tool": (), "outcome": ()})
        self._retries = families.counter(
            "turn_retries",
            "Steps of turns that will be tried again after a pause",
            {"trouble": (), "reason": ()},
        )
        for trouble, reasons in REASONS.items():
            for reason in reasons:
                self._retries.labels(trouble, reason)
        self._taken_over = families.counter(
            "turns_taken_over",
            "Turns that got another workflow instance, by what was wrong with the one before",
            {"trouble": TROUBLES},
        )
        self._replies = families.counter("replies_published", "Replies published to their topic", {})

    def accepted(self, door: str) -> None:
        """A message became a turn."""
        self._accepted.labels(known(door, DOORS)).inc()

    def committed(self, closed: Iterable[TurnRecord]) -> None:
        """These turns have their outcome, by a commit of this replica."""
        for turn in closed:
            self._ended.labels(known(turn.door, DOORS), turn.outcome).inc()
            self._turn.labels(turn.outcome).observe(max((turn.completed_at - turn.created_at).total_seconds(), 0))

    def admitted(self, seconds: float) -> None:
        """A turn is the first of its lane, so long after its acceptance."""
        self._wait.observe(max(seconds, 0))

    def retried(self, trouble: str, reason: str) -> None:
        """The step will be tried again."""
        self._retries.labels(trouble, known(reason, REASONS[trouble])).inc()

    def taken_over(self, trouble: str) -> None:
        """A turn got a successor."""
        self._taken_over.labels(known(trouble, TROUBLES)).inc()

    def published(self) -> None:
        """A reply was handed to the broker."""
        self._replies.inc()

    def tool(self, name: str, failed: bool, seconds: float) -> None:
        """A tool was run; ``name`` is of one that there is, or ``other``."""
        self._tool.labels(name, "error" if failed else "ok").observe(seconds)

    @contextmanager
    def activity(self, name: str) -> Iterator[Callable[[str], None]]:
        """Measure an execution; tell what it came to, else it broke down or was stopped."""
        began, outcome = time.perf_counter(), "broke_off"

        def came_to(what: str) -> None:
            nonlocal outcome
            outcome = what

        running = self._running.labels(name)
        running.inc()
        try:
            yield came_to
        finally:
            running.dec()
            self._activity.labels(name, outcome).observe(time.perf_counter() - began)
