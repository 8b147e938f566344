"""``python -m evals.convert FOLDER…``: dialogues of the Schema-Guided Dialogue dataset, in the form that is played.

A folder (train, dev, test) holds files ``dialogues_*.json``. Dialogues about flights alone are written, one a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main() -> int:
    """Write them to standard output."""
    folders = [Path(name) for name in sys.argv[1:]]
    files = [(folder, file) for folder in folders for file in sorted(folder.glob("dialogues_*.json"))]
    if not files:
        print("Name folders that hold dialogues_*.json of the Schema-Guided Dialogue dataset.", file=sys.stderr)
        return 2
    for folder, file in files:
        for dialogue in json.loads(file.read_text(encoding="utf-8")):
            if all(service.startswith("Flights_") for service in dialogue["services"]):
                print(json.dumps(converted(dialogue, folder.name), ensure_ascii=False))
    return 0


def converted(dialogue: dict[str, Any], split: str) -> dict[str, Any]:
    """A dialogue of the dataset as one of ours."""
    return {
        "id": dialogue["dialogue_id"],
        "split": split,
        "service": dialogue["services"][0],
        "turns": [{"speaker": t["speaker"], "text": t["utterance"], **dict(_call(t))} for t in dialogue["turns"]],
    }


def _call(turn: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for frame in turn["frames"]:
        if call := frame.get("service_call"):
            yield "call", {"service": frame["service"], **call}
            yield "results", len(frame.get("service_results", ()))
            return


if __name__ == "__main__":
    sys.exit(main())
