"""Dead letters of the intake: messages that held no valid event, with their faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import NoScriptError

from producers.clock import now_ms, rfc3339
from producers.destinations.ids import made_or_given
from producers.errors import InvalidEvent
from producers.keys import Slot
from producers.scripts import load
from producers.stored_event import StoredEvent
from worker.effects import effect

NAME = "intake"
CODE = "InvalidEvent"


def slot(prefix: str) -> Slot:
    """The one slot of the intake."""
    return Slot(prefix, NAME, 0)


def reject(redis: Redis, prefix: str, messages: Sequence[tuple[bytes, InvalidEvent]]) -> None:
    """Keeps messages as dead letters. Returns once Redis has them."""
    now = now_ms()
    args: list[str | bytes] = [""]
    for body, error in messages:
        reasons = [{"code": CODE, "message": str(fault)} for fault in error.faults]
        entry = {"at": rfc3339(now), "attempts": 0, "status": 0, "trace_id": "", "reasons": reasons}
        args += [_id_in(body), CODE, StoredEvent(now, now, body, history=(entry,)).encode()]
    of, script = slot(prefix), load("worker.buffer", "reject")
    with effect("reject"):
        try:
            redis.evalsha(script.sha, len(of.fixed), *of.fixed, *args)
        except NoScriptError:
            redis.eval(script.text, len(of.fixed), *of.fixed, *args)


def readable(body: bytes) -> Any:
    """The message as JSON, or as text where it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def _id_in(body: bytes) -> str:
    """The event's own id where the message has one, else a new one."""
    line = readable(body)
    event = line.get("event") if isinstance(line, dict) else None
    for found in (
        line.get("id") if isinstance(line, dict) else None,
        event.get("clientEventId") if isinstance(event, dict) else None,
    ):
        if isinstance(found, str) and 0 < len(found.encode("utf-8", "replace")) <= 200:
            return found.encode("utf-8", "replace").decode()
    return made_or_given(None)
