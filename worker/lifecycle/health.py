"""Whether the workers work: who gave a sign of life just now, and whether what is due is claimed. One round trip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from redis import Redis

from producers.keys import Slot, agreement_key
from worker.lifecycle.heartbeat import HEARTBEAT_LASTS_S, Worker, those_alive
from worker.lifecycle.heartbeat import key as heartbeats

NOTED = ("claimed_at", "circuit_until", "next_at")  # times (ms) in a slot's meta, each absent until there is one
OVERDUE_S = 30.0  # due work is claimed within a second, or two where a message was lost


class Unclaimed(NamedTuple):
    """Work of a destination that is due, and for how many seconds nobody has claimed any."""

    destination: str
    seconds: float


class Seen(NamedTuple):
    """What Redis knows of the workers. `terms`: what producers and workers agreed on, if they did."""

    terms: str | None
    workers: list[Worker]
    unclaimed: list[Unclaimed]


def look(redis: Redis, prefix: str, slots: Sequence[Slot]) -> Seen:
    """Raises `RedisError` if Redis does not answer."""
    pipeline = redis.pipeline(transaction=False)
    pipeline.get(agreement_key(prefix))
    pipeline.time()
    pipeline.zrange(heartbeats(prefix), 0, -1, withscores=True)
    for slot in slots:
        pipeline.zrange(slot.key("accounts"), 0, 0, withscores=True)
        pipeline.hmget(slot.key("meta"), "paused", *NOTED)
    terms, (seconds, micros), beats, *rest = pipeline.execute()
    now = seconds * 1_000 + micros // 1_000
    unclaimed = list(_unclaimed(slots, rest, now))
    return Seen(terms.decode() if terms else None, those_alive(beats, seconds), unclaimed)


def problems(seen: Seen, *, host: str = "", overdue_s: float = OVERDUE_S) -> list[str]:
    """What is wrong, in words; nothing if all is well. `host`: only workers on it count."""
    workers = [worker for worker in seen.workers if host in ("", worker.host)]
    found = [
        f"{each.destination}: work is due, and nobody has claimed any for {each.seconds:.0f} s"
        for each in seen.unclaimed
        if each.seconds > overdue_s
    ]
    if not workers:
        here = f" on {host}" if host else ""
        found.insert(0, f"no worker{here} has looked for work within the last {HEARTBEAT_LASTS_S} s")
    return found


def _unclaimed(slots: Sequence[Slot], answers: list[Any], now: int) -> Iterator[Unclaimed]:
    """Since the head of the line became due, or since the last claim or a bar to all claims ended, if that is later."""
    for slot, line, (paused, *noted) in zip(slots, answers[::2], answers[1::2], strict=True):
        if line and paused is None:
            since = max(line[0][1], *(float(time or 0) for time in noted))
            if since <= now:
                yield Unclaimed(slot.destination, (now - since) / 1_000)
