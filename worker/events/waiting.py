"""Why an event still waits: until when its batch is due, and what holds its account."""

from __future__ import annotations

from typing import Any, NamedTuple

from redis.asyncio import Redis

from producers.keys import Slot
from worker.buffer.holds import HOLD_FIELDS, Hold, holds_in


class Waiting(NamedTuple):
    """A batch that is not settled. `state` is nothing if it is gone; `due` and `opened` in ms.

    `held_by`: holds of its account, and of its destination (`destination paused`, `circuit open`).
    """

    state: str = ""
    due: int = 0
    opened: int = 0
    held_by: tuple[Hold, ...] = ()


async def waiting(redis: Redis, slot: Slot, account: str, batch: str) -> Waiting:
    """How a batch stands now."""
    pipeline: Any = redis.pipeline(transaction=False)
    pipeline.hmget(slot.key("batch", batch), "state", "due", "opened")
    pipeline.hmget(slot.key("account", account), *HOLD_FIELDS)
    pipeline.hmget(slot.key("meta"), "paused", "circuit_until")
    pipeline.time()
    (state, due, opened), of_account, of_slot, (seconds, micros) = await pipeline.execute()
    if opened is None:
        return Waiting()
    now = seconds * 1_000 + micros // 1_000
    return Waiting(
        (state or b"open").decode(),
        int(due or 0),
        int(opened),
        tuple(holds_in(of_account, now) + _of_all(of_slot, now)),
    )


def _of_all(fields: list[bytes | None], now: int) -> list[Hold]:
    paused, circuit_until = fields
    found = [Hold("destination paused", paused.decode("utf-8", "replace"))] if paused is not None else []
    is_open = circuit_until is not None and int(circuit_until) > now
    return [*found, Hold("circuit open", "", int(circuit_until or 0))] if is_open else found
