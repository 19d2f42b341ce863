"""On what a benchmark ran."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from worker.connection.client import sync_redis
from worker.stack.redis_server import EmbeddedRedis


def machine() -> dict[str, Any]:
    """`redis`: the name, version and allocator of the server that is found, as the benchmarks find it."""
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)) as server:
        client = sync_redis(server.url)
        info: Any = {**client.info("server"), **client.info("memory")}
        client.close()
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu(),
        "python": platform.python_version(),
        "redis": _server(info),
        "kernel": ".".join(platform.release().split(".")[:2]),  # the rest may name whose build it is
        "date": datetime.now(UTC).date().isoformat(),
    }


def _server(info: dict[str, Any]) -> str:
    """A Valkey gives a version of Redis, too. The allocator is told since scripts cost more with that of libc."""
    name = info.get("server_name", "redis")
    version = info.get(f"{name}_version", info["redis_version"])
    return f"{str(name).capitalize()} {version} ({info['mem_allocator']})"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
