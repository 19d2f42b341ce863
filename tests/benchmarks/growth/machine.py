"""On what it was measured."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.growth.server import started


def machine() -> dict[str, Any]:
    with started() as server:
        told = server.redis.info("server")
    is_valkey = "valkey_version" in told
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu(),
        "python": platform.python_version(),
        "redis": f"Valkey {told['valkey_version']}" if is_valkey else f"Redis {told['redis_version']}",
        "kernel": platform.release(),
        "date": datetime.now(UTC).date().isoformat(),
    }


def _cpu() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()
