"""A Dapr stack around any app, as `travelbuddy up` makes it: ``-m bench.dapr_stack DATA COMPONENTS -- COMMAND``."""

from __future__ import annotations

import sys
from pathlib import Path

from travelbuddy.runtime.plan import StackOptions
from travelbuddy.runtime.stack import up


def main() -> int:
    """Run it until told to stop, on free ports; stack.json in the data folder says which."""
    data, components, _, *command = sys.argv[1:]
    options = StackOptions(
        app_port=0,
        dapr_http_port=0,
        dapr_grpc_port=0,
        data_dir=Path(data),
        components=Path(components),
        app_command=tuple(command),
    )
    return up(options)


if __name__ == "__main__":
    sys.exit(main())
