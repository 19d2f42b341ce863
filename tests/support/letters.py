"""Dead letters made up at will, and brought into Redis by the script that imports them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any

from redis.asyncio import Redis

from producers.clock import rfc3339
from producers.destinations import Whole
from producers.keys import LAYOUT, Slot, shard_of
from producers.settings import BufferSettings
from producers.stored_event import StoredEvent
from worker.buffer.calls import Call, run
from worker.dead_letters import Letter
from worker.intake.letters import NAME as INTAKE

CALL = 100
CALLS = 20  # in one round trip


def made(
    buffer: BufferSettings,
    number: int,
    *,
    destination: str = "event-api",
    account: str = "1",
    code: str = "Refused",
    died_at: int = 0,
    event_time: int = 0,
    attempts: int = 1,
    message: str = "no",
) -> Letter:
    """A letter whose event is called by the number; good enough to be sent."""
    event = {"clientEventId": f"e-{number}", "eventType": "conversion", "eventTime": rfc3339(event_time)}
    reasons = [{"code": code, "message": message}]
    entry = {"at": rfc3339(died_at), "batch": f"{number}-x", "attempts": attempts, "status": 400, "reasons": reasons}
    payload = json.dumps(event, separators=(",", ":")).encode()
    stored = StoredEvent(event_time, event_time, payload, history=({**entry, "trace_id": "t"},))
    shard = 0 if destination == INTAKE else shard_of(account, buffer.shards)
    whole = Whole(account, "", "include plain" if destination == "audience" else "")
    return Letter(Slot(buffer.key_prefix, destination, shard), "", f"e-{number}", whole, code, died_at, stored)


async def fill(redis: Redis, buffer: BufferSettings, letters: Iterable[Letter]) -> int:
    """Many, in their order; each id once. Gives how many."""
    total = 0
    ordered = iter(letters)
    while some := list(islice(ordered, CALL * CALLS)):
        calls = list(_calls(buffer, some))
        assert await run(redis, calls) == [[] for _ in calls]
        total += len(some)
    return total


def _calls(buffer: BufferSettings, letters: Sequence[Letter]) -> Iterator[Call]:
    by_slot = sorted(letters, key=lambda letter: letter.slot)
    for slot, group in groupby(by_slot, key=lambda letter: letter.slot):
        while some := list(islice(group, CALL)):
            yield Call(
                "import", slot.fixed, [LAYOUT, buffer.shards, 100, *(word for each in some for word in _words(each))]
            )


def _words(letter: Letter) -> list[Any]:
    event, of = letter.event, letter.of
    time = "" if letter.slot.destination == INTAKE else event.event_time
    return [letter.id, letter.code, of.account, of.order, of.kind, letter.died_at, time, event.encode(), 0]
