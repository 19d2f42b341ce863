"""The buffer under any interleaving of what producers, workers, APIs, time and operators do to it."""

from __future__ import annotations

import pytest

from tests.buffer.run_machine import run
from worker.stack.redis_server import EmbeddedRedis

EXAMPLES, STEPS = 90, 40


@pytest.mark.timeout(400)  # half a minute, unless the machine is busy with something else
def test_whatever_happens_nothing_is_lost_doubled_or_out_of_order(redis_server: EmbeddedRedis) -> None:
    """On a database that is emptied before each run. `tests.buffer.run_machine` does the same for minutes."""
    run(redis_server.url.removesuffix("/0") + "/7", EXAMPLES, STEPS)
