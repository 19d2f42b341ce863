"""`python -m tests.outcomes.measure_parking [SECONDS]`: 401 for one account among twenty, for a minute unless told.

Prints what the others felt of it; ends with 1 if there was a dead letter, an event is missing, or their p95 latency is
not within 10 percent and 20 ms of what it was before.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.apis.support import fleet
from tests.outcomes.conftest import QUICK
from tests.outcomes.parking import twenty_accounts
from worker.stack.redis_server import EmbeddedRedis


def main(seconds: float) -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedRedis(Path(folder) / "redis") as server,
        fleet(server.url, Path(folder), 2, **QUICK) as forwarder,
    ):
        told = twenty_accounts(forwarder, before_s=seconds, refused_s=seconds)
    for name, value in told._asdict().items():
        print(f"{name:20} {value:>10.4g}")  # noqa: T201 - a program of its own
    felt = told.p95_during_s > told.p95_before_s * 1.1 + 0.02
    return int(felt or told.dead > 0 or told.undelivered > 0)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
