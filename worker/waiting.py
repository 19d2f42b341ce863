"""Why an event still waits: until when its batch is due, and what holds its account."""

from __future__ import annotations

from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.keys import Slot


class Held(NamedTuple):
    """`kind`: limited, parked, paused (the account), destination paused, circuit open. `until` in ms; None: no end."""

    kind: str
    reason: str
    until: int | None


class Waiting(NamedTuple):
    """A batch that is not settled. `state` is nothing if it is gone; `due` and `opened` in ms."""

    state: str = ""
    due: int = 0
    opened: int = 0
    held_by: tuple[Held, ...] = ()


async def waiting(redis: Redis, slot: Slot, account: str, batch: str) -> Waiting:
    """How a batch stands now."""
    pipeline: Any = redis.pipeline(transaction=False)
    pipeline.hmget(slot.key("batch", batch), "state", "due", "opened")
    pipeline.hmget(slot.key("account", account), "parked", "paused", "hold_until", "hold_reason")
    pipeline.hmget(slot.key("meta"), "paused", "circuit_until")
    pipeline.time()
    (state, due, opened), of_account, of_slot, (seconds, micros) = await pipeline.execute()
    if opened is None:
        return Waiting()
    now = seconds * 1_000 + micros // 1_000
    return Waiting((state or b"open").decode(), int(due or 0), int(opened), tuple(_held(of_account, of_slot, now)))


def _held(account: list[bytes | None], slot: list[bytes | None], now: int) -> list[Held]:
    parked, paused, until, reason = account
    all_paused, circuit = slot
    lasting = ("parked", parked), ("paused", paused), ("destination paused", all_paused)
    ending = ("limited", reason, until), ("circuit open", b"", circuit)
    found = [Held(kind, _text(why), None) for kind, why in lasting if why is not None]
    return found + [Held(kind, _text(why), int(end)) for kind, why, end in ending if end is not None and int(end) > now]


def _text(reason: bytes | None) -> str:
    return (reason or b"").decode("utf-8", "replace")
