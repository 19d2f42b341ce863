"""Events lost and doubled when RabbitMQ is killed: `python -m tests.brokers.measure_rabbit_kill [--events N]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.brokers.killed import forwarder_on, passage
from tests.brokers.rabbit import NOT_THERE, VHOSTS, Rabbit, find_rabbit
from worker.stack.redis_server import EmbeddedRedis


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=1)
    of = parser.parse_args()
    server = find_rabbit()
    if server is None:
        sys.exit(NOT_THERE)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(EmbeddedRedis(folder / "redis"))
        rabbit = stack.enter_context(Rabbit(server, folder / "rabbit"))
        forwarder = stack.enter_context(forwarder_on(rabbit, VHOSTS[0], redis.url, folder))
        figures = passage(rabbit, VHOSTS[0], forwarder, "10001", of.events, of.kills)
        print(figures._asdict())  # noqa: T201
        print(f"the worker {'runs' if forwarder.worker.running else forwarder.worker.ending()}")  # noqa: T201
    sys.exit(1 if figures.lost else 0)


if __name__ == "__main__":
    main()
