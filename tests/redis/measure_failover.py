"""How soon events are delivered again after a failover: `python -m tests.redis.measure_failover`.

The primary is killed; then it hangs; then another is asked for while it lives, which Sentinel tells it late.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from redis import Redis

from tests.integration.support import eventually, running
from tests.redis.sentinels import MASTER, Watched, watched
from tests.redis.troubles import PATIENCE, Scene
from tests.support.shop import Shop
from worker.stack.redis_server import EmbeddedRedis


def killed(_sentinels: Watched, old: EmbeddedRedis) -> None:
    old.kill()


def hung(_sentinels: Watched, old: EmbeddedRedis) -> None:
    os.kill(old.pid, signal.SIGSTOP)


def asked(sentinels: Watched, old: EmbeddedRedis) -> None:
    with sentinels.ask() as sentinel:
        sentinel.sentinel_failover(MASTER)
    with Redis(port=old.port) as demoted:
        eventually(lambda: demoted.info("replication")["role"] == "slave")


def measure(name: str, trouble: Callable[[Watched, EmbeddedRedis], None], folder: Path) -> None:
    with watched(folder) as sentinels, running(sentinels.url, folder, **PATIENCE) as forwarder:
        with Shop(forwarder.cli.env, pause_s=0.02).open() as shop:
            old = sentinels.primary
            Scene(forwarder, shop, old).resumed()
            began = time.monotonic()
            try:
                trouble(sentinels, old)
                sentinels.wait_for_another(old.port)
                there = time.monotonic() - began
                seconds = Scene(forwarder, shop, old).resumed()
            finally:
                if old.running:
                    os.kill(old.pid, signal.SIGCONT)
        print(f"{name}: another primary after {there:.1f} s, delivers {seconds:.1f} s later")  # noqa: T201
        print(f"  slowest call of the shop {shop.slowest:.2f} s; {sorted(shop.failures)}", flush=True)  # noqa: T201


def main() -> None:
    for trouble in (killed, hung, asked):
        with tempfile.TemporaryDirectory() as folder:
            measure(trouble.__name__, trouble, Path(folder))


if __name__ == "__main__":
    main()
