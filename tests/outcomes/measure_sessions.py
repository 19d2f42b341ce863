"""`python -m tests.outcomes.measure_sessions [SESSIONS]`: 10,000 sessions of ten events, faults at 20 percent.

Ends with 1 if an event is missing or dead, or the first acceptances of a session are out of order.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.apis.support import fleet
from tests.outcomes.conftest import QUICK
from tests.outcomes.sessions import faulty_sessions
from worker.stack.redis_server import EmbeddedRedis

SETTINGS = {**QUICK, "FORWARDER_ACCOUNT_IN_FLIGHT": "32", "FORWARDER_LINGER_MS": "500"}


def main(sessions: int) -> int:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedRedis(Path(folder) / "redis") as server,
        fleet(server.url, Path(folder), 2, **SETTINGS) as forwarder,
    ):
        told = faulty_sessions(forwarder, sessions, 10, 0.2, within_s=1_800)
    for name, value in told._asdict().items():
        print(f"{name:12} {value:>10,}")  # noqa: T201 - a program of its own
    return int(told.missing > 0 or told.dead > 0 or told.disordered > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
