"""The buffer under any interleaving of what producers, workers, time and operators do to it."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.buffer.machine import BufferMachine
from worker.redis_client import async_redis
from worker.stack.redis_server import EmbeddedRedis

EXAMPLES, STEPS = 100, 50


def test_whatever_happens_nothing_is_lost_doubled_or_out_of_order(redis_server: EmbeddedRedis) -> None:
    with asyncio.Runner() as runner:
        client = async_redis(redis_server.url.removesuffix("/0") + "/7")  # a database that is emptied before each run
        BufferMachine.runner, BufferMachine.client = runner, client
        try:
            run_state_machine_as_test(
                BufferMachine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                    phases=[Phase.generate],  # with Phase.shrink a failure is made smaller, for some minutes
                    report_multiple_bugs=False,
                    print_blob=True,
                ),
            )
        finally:
            runner.run(client.aclose())
