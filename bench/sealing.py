"""``python -m bench.sealing``: what sealing adds to a turn with one search, in microseconds of the app's time.

Every text of such a turn is sealed and opened as often as the service does it, in the sizes it has in a session whose
ten last turns are as large: the payloads of two activities and three replays, and the records of door and commit.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable

from travelbuddy.sealing import Sealer
from travelbuddy.workflow.payloads import seal_json

INPUT, SEARCHED, ASKED, ANSWERED, OUTPUT, STATUS = 500, 4_000, 5_000, 1_500, 1_000, 30
SESSION, TURN, USER, TALLY = 20_000, 5_000, 300, 100
PAYLOADS_SEALED = (INPUT, INPUT + 100, SEARCHED, ASKED, ANSWERED, OUTPUT, STATUS, STATUS, STATUS)
PAYLOADS_OPENED = (INPUT, INPUT + 100, INPUT, SEARCHED, ASKED, INPUT, SEARCHED, ANSWERED)
RECORDS_SEALED = (SESSION, SESSION, TURN, TALLY)
RECORDS_OPENED = (SESSION, SESSION, USER)
ROUNDS, PER_ROUND = 30, 50


def main() -> None:
    """Measure with keys and without."""
    for name, sealer in (("no key", Sealer()), ("with a key", Sealer("KEY", secrets.token_hex(32)))):
        payloads = _turn(sealer, PAYLOADS_SEALED, PAYLOADS_OPENED)
        records = _turn(sealer, RECORDS_SEALED, RECORDS_OPENED)
        print(f"{name}: payloads {_microseconds(payloads):.0f} µs, records {_microseconds(records):.0f} µs a turn")


def _turn(sealer: Sealer, seals: tuple[int, ...], opens: tuple[int, ...]) -> Callable[[], None]:
    texts = ['{"x":"' + "y" * size + '"}' for size in seals]
    closed = [seal_json('{"x":"' + "y" * size + '"}', "place", sealer) for size in opens]

    def once() -> None:
        for text in texts:
            seal_json(text, "place", sealer)
        for text in closed:
            sealer.open(text, "place")

    return once


def _microseconds(once: Callable[[], None]) -> float:
    """The median round's time for one turn."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(PER_ROUND):
            once()
        rounds.append((time.perf_counter() - began) / PER_ROUND * 1e6)
    return statistics.median(rounds)


if __name__ == "__main__":
    main()
