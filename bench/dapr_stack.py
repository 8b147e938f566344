"""A Dapr stack around any app, as `travelbuddy up` makes it.

``-m bench.dapr_stack DATA COMPONENTS [--replicas N] -- COMMAND``
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from travelbuddy.runtime.plan import StackOptions
from travelbuddy.runtime.stack import up


def main() -> int:
    """Run it until told to stop, on free ports; stack.json in the data folder says which."""
    cut = sys.argv.index("--")
    parser = argparse.ArgumentParser(prog="dapr_stack")
    parser.add_argument("data", type=Path)
    parser.add_argument("components", type=Path)
    parser.add_argument("--replicas", type=int, default=1)
    chosen = parser.parse_args(sys.argv[1:cut])
    options = StackOptions(
        app_port=0,
        dapr_http_port=0,
        dapr_grpc_port=0,
        data_dir=chosen.data,
        components=chosen.components,
        replicas=chosen.replicas,
        app_command=tuple(sys.argv[cut + 1 :]),
    )
    return up(options)


if __name__ == "__main__":
    sys.exit(main())
