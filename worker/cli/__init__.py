"""The console script `forwarder`."""

from __future__ import annotations

import sys


def main() -> None:
    """Exit status: 0 done, 1 the work failed, 2 wrong usage."""
    try:
        if sys.argv[1:2] == ["health"]:  # asked for every ten seconds: without all that the other commands import
            from worker.cli.health_alone import run
        else:
            from worker.cli.app import run
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in ("worker", "producers"):
            raise
        sys.exit(f"forwarder: {error.name} is not installed; install the extra: pip install 'rokt-forwarder[worker]'")
    run()
