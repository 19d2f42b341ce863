"""What the figures are called, for people."""

from __future__ import annotations

SYSTEMS = {
    "forwarder": "this project",
    "celery_batches": "celery-batches",
    "faststream": "FastStream",
    "task_per_event": "one Celery task an event",
}
WORKLOADS = {"W1": "W1: requests of up to 100", "W2": "W2: a session a request", "W3": "W3: addresses into lists"}
MODES = {
    "drain": "drain of a filled queue",
    "single": "single calls",
    "async64": "64 coroutines",
    "many100": "a hundred a call",
}


def sink(sink_ms: int, tls: bool) -> str:
    return f"{f'after {sink_ms} ms' if sink_ms else 'at once'}{', TLS' if tls else ''}"


def callers(number: int) -> str:
    """Processes that enqueue."""
    return "one caller" if number == 1 else f"{number} shop processes"
