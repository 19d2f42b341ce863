"""What operators did: an append-only list in Redis, of which the newest ten thousand entries are kept."""

from __future__ import annotations

import json
import os
import pwd
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any, Literal, NamedTuple

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.clock import now_ms, rfc3339
from producers.errors import ForwarderError
from worker.buffer.calls import Call, run_one

KEPT = 10_000
PAGE = 500
BEGUN = " begun"
_log = structlog.get_logger()
Via = Literal["cli", "console", "worker"]


class NotAudited(ForwarderError):
    """No entry tells of what is about to be done, or was done."""


class Wanted(NamedTuple):
    """Which entries are listed. Nothing given means all of them.

    `action`: the first word or words of it (`dlq`, `dlq edit`); `by`: the user or user@host, or in the console the name
    that was given there; `since`: by Redis's clock, in ms.
    """

    action: str = ""
    by: str = ""
    since: int = 0

    def takes(self, entry: Mapping[str, Any]) -> bool:
        action, by = str(entry["action"]), str(entry["by"])
        return f"{action} ".startswith(f"{self.action} " if self.action else "") and (
            not self.by or self.by in _names(by)
        )


def _names(by: str) -> Iterator[str]:
    """What who acted may be called: all of it, and of `name (user@host)` each part."""
    name, found, process = by.removesuffix(")").rpartition(" (")
    yield by
    yield (process if found else by).partition("@")[0]
    if found:
        yield from (name, process)


def audit_key(prefix: str) -> str:
    """A stream: each entry one field, with the JSON of what `entries` gives."""
    return f"{prefix}:audit"


async def note(
    redis: Redis,
    prefix: str,
    action: str,
    details: Mapping[str, Any],
    *,
    why: str = "",
    via: Via = "cli",
    by: str = "",
    run: str = "",
    is_only_end: bool = False,
) -> None:
    """Adds an entry. `details` hold counts and names of ours, never an address. Raises `NotAudited`.

    `by`: who acts, unless it is the user of this process; `run`: what the entries of one action have in common.
    `is_only_end`: nothing is added if an end of this run has just been told.
    """
    entry = {"at": rfc3339(now_ms()), "by": by or operator(), "via": via, "action": action, "why": why}
    whole = {**entry, "details": details, **({"run": run} if run else {})}
    call = Call("audit", [audit_key(prefix)], [KEPT, json.dumps(whole), run if is_only_end else ""])
    try:
        await run_one(redis, call)
    except (RedisError, OSError) as error:
        raise NotAudited(f"{action}: no entry could be written to the audit: {error}") from error
    _log.info("audit", action=action, **{name: value for name, value in details.items() if isinstance(value, int)})


@asynccontextmanager
async def acting(
    redis: Redis,
    prefix: str,
    action: str,
    details: Mapping[str, Any],
    *,
    why: str = "",
    via: Via = "cli",
    by: str = "",
) -> AsyncIterator[dict[str, Any]]:
    """Notes that an action begins and, with what the caller put into the mapping it is given, how it ended.

    One that is killed has left the first word; one that fails half way, or is broken off, says so in the second.
    """
    told: dict[str, Any] = {}
    rest: dict[str, Any] = {"why": why, "via": via, "by": by, "run": token_hex(6)}
    await note(redis, prefix, action + BEGUN, details, **rest)
    try:
        yield told
    except BaseException:
        with suppress(NotAudited):
            await note(redis, prefix, action, {**details, **told, "broken_off": True}, **rest)
        raise
    await note(redis, prefix, action, {**details, **told}, **rest)


async def entries(
    redis: Any, prefix: str, limit: int | None = None, wanted: Wanted | None = None
) -> list[dict[str, Any]]:
    """The newest first: at (UTC), by (user@host), via, action, why, details, and run where an action has two."""
    wanted, newest, found = wanted or Wanted(), "+", list[dict[str, Any]]()
    while page := await redis.xrevrange(audit_key(prefix), newest, str(wanted.since) if wanted.since else "-", PAGE):
        each = [{"via": "cli", "why": "", **json.loads(fields[b"entry"])} for _, fields in page]
        found += [entry for entry in each if wanted.takes(entry)]
        if limit is not None and len(found) >= limit:
            return found[:limit]
        newest = f"({page[-1][0].decode()}"
    return found


def operator() -> str:
    """Who acts, and where."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may not know its user
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
