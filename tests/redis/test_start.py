"""What a worker says of its Redis at its start. One that evicts is refused: tests/integration/test_settings.py."""

from __future__ import annotations

from pathlib import Path

from tests.integration.support import running
from worker.stack.redis_server import EmbeddedRedis


def test_a_worker_warns_of_a_redis_that_forgets_what_waits_when_it_stops(tmp_path: Path) -> None:
    off = {"appendonly": "no"}
    with EmbeddedRedis(tmp_path / "redis", options=off) as redis, running(redis.url, tmp_path) as forwarder:
        said = forwarder.worker.log_tail(200)
        assert "Redis runs without AOF (appendonly no): events that wait are lost when it stops" in said
