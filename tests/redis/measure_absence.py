"""How soon events are delivered again after Redis was away: `python -m tests.redis.measure_absence [SECONDS …]`.

Not a test: a minute of each trouble takes longer than a suite may.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.redis.troubles import TROUBLES, scene
from worker.stack.redis_server import EmbeddedRedis


def main(absences: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, trouble in TROUBLES.items():
            for seconds in absences:
                place = Path(folder) / f"{name}-{seconds:g}"
                place.mkdir()
                with EmbeddedRedis(place / "redis", appendfsync="always") as redis, scene(redis, place) as made:
                    trouble(redis, seconds)
                    print(f"{name} for {seconds:g} s: delivers again after {made.resumed():.1f} s", flush=True)  # noqa: T201
                    print(f"  slowest call of the shop {made.shop.slowest:.2f} s; {sorted(made.shop.failures)}")  # noqa: T201


if __name__ == "__main__":
    main([float(each) for each in sys.argv[1:]] or [3, 30, 60])
