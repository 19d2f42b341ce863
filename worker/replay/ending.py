"""The word in the audit that tells how a replay ended; whoever began it may be gone by then."""

from __future__ import annotations

from redis.asyncio import Redis

from worker.operating.audit import note
from worker.replay.record import Progress

ACTION = "dlq replay"


async def tell_end(redis: Redis, prefix: str, progress: Progress | None) -> None:
    """Once a replay, however many say so: its id is the run of both its entries. Nothing while it goes on.

    Raises `NotAudited`.
    """
    if progress is None or not progress.is_over:
        return
    counts = {name: getattr(progress, name) for name in ("withheld", "undecided", "gone") if getattr(progress, name)}
    told = {
        **progress.filter,
        **({"limit": progress.limit} if progress.limit else {}),
        "replay": progress.id,
        "replayed": progress.moved,
        **counts,
        **({"cancelled": True} if progress.state == "cancelled" else {}),
    }
    await note(
        redis, prefix, ACTION, told, why=progress.why, via="worker", by=progress.by, run=progress.id, is_only_end=True
    )
