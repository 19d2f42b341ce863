"""What the benchmark tells a peer's program."""

from __future__ import annotations

import os

REDIS = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/0")
SINK = os.environ.get("BENCH_SINK", "http://127.0.0.1:8180")
WORKLOAD = os.environ.get("BENCH_WORKLOAD", "W1")
BATCH = int(os.environ.get("BENCH_BATCH", "800"))
EVERY_S = float(os.environ.get("BENCH_EVERY_S", "1"))
PREFETCH = int(os.environ.get("BENCH_PREFETCH", "4"))  # messages a process; 0: any number
TIMEOUT_S = 10
