"""``python -m travelbuddy``: the service alone, for a sidecar that something else runs."""

from __future__ import annotations

from travelbuddy.app import serve
from travelbuddy.settings import Settings

if __name__ == "__main__":
    serve(Settings())
