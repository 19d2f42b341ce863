"""A Redis of the benchmark's own, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from worker.connection.client import sync_redis
from worker.stack.redis_server import EmbeddedRedis

NO_REWRITE = {"auto-aof-rewrite-percentage": "0"}  # its fork and its copies are a question of their own
LONG_S = 120.0  # an answer may take: filling queues many calls ahead


class Server:
    """`redis` is a connection for asking; whoever measures opens others."""

    def __init__(self, server: EmbeddedRedis) -> None:
        self.url, self.pid = server.url, server.pid
        self.redis: Any = sync_redis(server.url, socket_timeout=LONG_S)

    def spent_us(self) -> float:
        """Microseconds that the main thread worked: other programs on the machine do not count."""
        told = self.redis.info("cpu")
        return 1e6 * float(told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"])

    def used_bytes(self) -> int:
        """Without what is on its way to the AOF: on a busy disk that may be much."""
        told = self.redis.info("memory")
        return int(told["used_memory"]) - int(told["mem_aof_buffer"])


@contextmanager
def started() -> Iterator[Server]:
    """AOF `everysec`, in a temporary folder, never rewritten by itself."""
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder) / "redis", options=NO_REWRITE) as embedded:
        server = Server(embedded)
        try:
            yield server
        finally:
            server.redis.close()
