"""What operators did: an append-only list in Redis, of which the newest ten thousand entries are kept."""

from __future__ import annotations

import json
import os
import pwd
import socket
from collections.abc import Mapping
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.clock import now_ms, rfc3339
from producers.errors import ForwarderError
from worker.buffer.calls import Call, run_one

KEPT = 10_000
_log = structlog.get_logger()


class NotAudited(ForwarderError):
    """No entry tells of what is about to be done, or was done."""


def audit_key(prefix: str) -> str:
    """A stream: each entry one field, with the JSON of what `entries` gives."""
    return f"{prefix}:audit"


async def note(redis: Redis, prefix: str, action: str, details: Mapping[str, Any]) -> None:
    """Adds an entry. `details` hold counts and names of ours, never an address. Raises `NotAudited`."""
    entry = {"at": rfc3339(now_ms()), "by": operator(), "action": action, "details": details}
    call = Call("audit", [audit_key(prefix)], [KEPT, json.dumps(entry, ensure_ascii=False)])
    try:
        await run_one(redis, call)
    except (RedisError, OSError) as error:
        raise NotAudited(f"{action}: no entry could be written to the audit: {error}") from error
    _log.info("audit", action=action, **{name: value for name, value in details.items() if isinstance(value, int)})


async def entries(redis: Any, prefix: str, limit: int | None = None) -> list[dict[str, Any]]:
    """The newest first: at (UTC), by (user@host), action, details."""
    found = await redis.xrevrange(audit_key(prefix), count=limit)
    return [json.loads(fields[b"entry"]) for _, fields in found]


def operator() -> str:
    """Who acts, and where."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may not know its user
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
