"""What the pages read and act with: the same functions as the command line's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from redis.asyncio import Redis
from starlette.requests import Request

from producers.accepted import EventId
from producers.consent import Consent
from producers.errors import ConfigurationError, ForwarderError
from producers.keys import agreement_key, disagreement, terms
from producers.preparer import Preparer
from producers.settings import BatchSettings, BufferSettings
from worker.connection.client import with_redis
from worker.console.charts import Point
from worker.dead_letters import DeadLetters, Filter, Replayed
from worker.dead_letters.editing import Editor
from worker.events.lookup import Lookup
from worker.intake.letters import NAME as INTAKE
from worker.operating.accounts import Accounts
from worker.operating.audit import acting, note, operator
from worker.operating.holding import Holding
from worker.replay import Replays

PATIENCE_S = 20
CHARTED_MS, STEP_MS = 3 * 3_600_000, 60_000


Series = Callable[[Redis, BufferSettings, int, int], Awaitable[Mapping[str, Sequence[Point]]]]
Metrics = Callable[[Redis, BufferSettings], Awaitable[str | bytes]]


class Surroundings(NamedTuple):
    """What the environment says. `enqueue`: takes a message of the intake; `consent`: asked before a replay.

    `series`: samples of each destination from a time (ms) on, one a step (ms), for the charts; `metrics`: what
    Prometheus is told, also for `metrics_token`. None where nothing is sampled: then there are none.
    """

    buffer: BufferSettings
    batches: Callable[[str], BatchSettings]
    enqueue: Callable[[bytes], EventId]
    preparer: Preparer
    consent: Consent | None = None
    replay_rate: float = 1_000
    flower_url: str = ""
    series: Series | None = None
    metrics: Metrics | None = None
    metrics_token: str = ""


class TooMany(ForwarderError):
    """A question that would take too long for a page."""


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
        self.editor = Editor(redis, around.buffer, around.preparer)
        self.replays = Replays(redis, around.buffer, consent=around.consent is not None, rate=around.replay_rate)

    async def now(self) -> int:
        """Milliseconds since 1970 by Redis's clock, which says when letters died."""
        redis: Any = self.redis
        seconds, microseconds = await redis.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def series(self) -> Mapping[str, Sequence[Point]]:
        """Samples of the last hours, by destination; none where nothing is sampled."""
        if self.around.series is None:
            return {}
        return await self.around.series(self.redis, self.buffer, await self.now() - CHARTED_MS, STEP_MS)

    async def counted(self, chosen: Filter) -> int:
        """How many letters the filter takes. Raises `TooMany` where reading all to tell takes long."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self.letters.count(chosen)
        except TimeoutError:
            raise TooMany("to count them, all letters would have to be read, which takes too long here") from None

    async def enter_anew(self, chosen: Filter, share: int) -> Replayed:
        """Enqueues messages of the intake as if they came now, oldest first: in a thread, since a producer blocks."""

        async def work(redis: Redis) -> Replayed:
            around = self.around
            queues = DeadLetters(redis, around.buffer, around.batches, around.enqueue, around.consent)
            places = await queues.choose(chosen._replace(destination=INTAKE))
            return await queues.replay(places[:share])

        return await asyncio.to_thread(lambda: asyncio.run(with_redis(self.buffer.redis_url, work)))

    async def agree(self) -> None:
        """Raises `ConfigurationError` if the data is of another layout by now: others were started meanwhile."""
        redis: Any = self.redis
        noted: bytes | None = await redis.get(agreement_key(self.buffer.key_prefix))
        if noted is not None and noted.decode() != terms(self.buffer.shards):
            raise ConfigurationError(disagreement(noted.decode(), self.buffer.shards))

    async def note(self, request: Request, action: str, details: Mapping[str, Any], why: str, run: str) -> None:
        """An entry in the audit: what who signed in did. Raises `NotAudited`."""
        told: dict[str, Any] = {"why": why, "via": "console", "by": by_of(request), "run": run}
        await note(self.redis, self.buffer.key_prefix, action, details, **told)

    @asynccontextmanager
    async def acting(
        self, request: Request, action: str, details: Mapping[str, Any], why: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Notes that an action begins, and how it ended (`worker.operating.audit.acting`)."""
        told: dict[str, Any] = {"why": why, "via": "console", "by": by_of(request)}
        await self.agree()
        async with acting(self.redis, self.buffer.key_prefix, action, details, **told) as ended:
            yield ended


def by_of(request: Request) -> str:
    """Who acts: the name that was given at signing in, on the console of this user; the token names nobody."""
    name = request.state.session.name
    return f"{name} ({operator()})" if name else operator()


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk
