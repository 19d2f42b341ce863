"""The machine for as long as one likes. No test: `python -m tests.buffer.run_machine MINUTES [STEPS] [SEED]`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.buffer.machine import BufferMachine
from worker.connection.client import async_redis
from worker.stack.redis_server import EmbeddedRedis

ROUND = 25  # examples


def run(url: str, examples: int, steps: int, *, number: int | None = None, shrink: bool = False) -> None:
    """Runs of the machine on an empty database. `number`: of the round, by which it can be had again."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    given = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=phases,  # to make a failure smaller takes some minutes
        report_multiple_bugs=False,
        print_blob=True,
    )
    machine: type[BufferMachine] = BufferMachine if number is None else seed(number)(BufferMachine)
    with asyncio.Runner() as runner:
        client = async_redis(url)
        BufferMachine.runner, BufferMachine.client = runner, client
        try:
            run_state_machine_as_test(machine, settings=given)
        finally:
            runner.run(client.aclose())


def main() -> None:
    """Round after round until the time is over; a failure ends it."""
    minutes, steps, number = (*map(int, sys.argv[1:]), *(5, 100, 1)[len(sys.argv) - 1 :])
    ends = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis") as server:
        while time.monotonic() < ends:
            run(server.url, ROUND, steps, number=number, shrink=True)
            number += 1
    print(*(f"{count:>8} {name}" for name, count in BufferMachine.steps.most_common()), sep="\n")  # noqa: T201 - for a person


if __name__ == "__main__":
    main()
