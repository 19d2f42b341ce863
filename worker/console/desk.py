"""What the pages read and act with: the same functions as the command line's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from redis.asyncio import Redis
from starlette.requests import Request

from producers.accepted import EventId
from producers.consent import Consent
from producers.settings import BatchSettings, BufferSettings
from worker.accounts import Accounts
from worker.audit import acting, note, operator
from worker.dead_letters import DeadLetters
from worker.holding import Holding
from worker.lookup import Lookup


class Surroundings(NamedTuple):
    """What the environment says. `enqueue`: takes a message of the intake; `consent`: asked before a replay."""

    buffer: BufferSettings
    batches: Callable[[str], BatchSettings]
    enqueue: Callable[[bytes], EventId]
    consent: Consent | None = None
    flower_url: str = ""


class Desk:
    """Of one buffer."""

    def __init__(self, redis: Redis, around: Surroundings) -> None:
        self.redis = redis
        self.around = around
        self.buffer = around.buffer
        self.accounts = Accounts(redis, around.buffer)
        self.holding = Holding(redis, around.buffer)
        self.letters = DeadLetters(redis, around.buffer, around.batches, around.enqueue, around.consent)
        self.lookup = Lookup(redis, around.buffer, around.batches)

    async def note(self, request: Request, action: str, details: Mapping[str, Any], why: str) -> None:
        """An entry in the audit: what who signed in did. Raises `NotAudited`."""
        await note(self.redis, self.buffer.key_prefix, action, details, why=why, via="console", by=by_of(request))

    def acting(
        self, request: Request, action: str, details: Mapping[str, Any], why: str
    ) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Notes that an action begins, and how it ended (`worker.audit.acting`)."""
        told = {"why": why, "via": "console", "by": by_of(request)}
        return acting(self.redis, self.buffer.key_prefix, action, details, **told)  # type: ignore[arg-type]


def by_of(request: Request) -> str:
    """Who acts: the name that was given at signing in, on the console of this user; the token names nobody."""
    name = request.state.session.name
    return f"{name} ({operator()})" if name else operator()


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk
