"""What is asked of Celery's pool, whichever kind it is."""

from __future__ import annotations

from typing import Any


def processes_of(pool: Any) -> list[int]:
    """The process ids that run tasks: children, the main process itself (solo), or none of their own (threads)."""
    try:
        return list(pool.info.get("processes", ()))
    except AttributeError:  # it has ended
        return []
