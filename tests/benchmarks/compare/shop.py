"""The producer's side of a run: it makes events when it is told to, and sends them when it is told to.

The standard library alone, since the peers' programs use it too. Lines to it: `make NAME COUNT`, `send`. Making comes
before the clock runs, so that only what a system does with an event is measured.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.compare.workloads import lines

Lines = list[tuple[str, dict[str, Any]]]  # account and event
Send = Callable[[Lines], list[float]]  # gives the seconds of each call


def serve(workload: str, send: Send) -> None:
    """Until its input ends."""
    made: Lines = []
    tell({"ready": True})
    for question in sys.stdin:
        match question.split():
            case ["make", name, count]:
                made = lines(workload, int(count), name)
                gc.collect()
                gc.freeze()  # so that no collection walks over them while the clock runs
                tell({"made": len(made)})
            case ["send"]:
                first = time.monotonic()
                took = send(made)
                tell({"first": first, "last": time.monotonic(), **quantiles(took)})


def quantiles(took: list[float]) -> dict[str, Any]:
    """Microseconds."""
    ordered = sorted(took)
    at = {
        name: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    return {"calls": len(ordered), "enqueue_us": {name: round(seconds * 1e6) for name, seconds in at.items()}}


def one_by_one(call: Callable[[str, dict[str, Any]], object], made: Lines) -> list[float]:
    """Seconds of each call."""
    took, clock = [], time.perf_counter
    for account, event in made:
        began = clock()
        call(account, event)
        took.append(clock() - began)
    return took


def tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
