"""On what a benchmark ran."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from worker.connection.client import sync_redis


def machine(redis_url: str) -> dict[str, Any]:
    """`redis`: the server's own name and version."""
    client = sync_redis(redis_url)
    try:
        info: Any = client.info("server")
    finally:
        client.close()
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "python": platform.python_version(),
        "redis": _server(info),
        "kernel": platform.release(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _server(info: dict[str, Any]) -> str:
    """A Valkey gives a version of Redis, too, for its clients' sake."""
    name = info.get("server_name", "redis")
    return f"{name} {info.get(f'{name}_version', info.get('redis_version', ''))}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
