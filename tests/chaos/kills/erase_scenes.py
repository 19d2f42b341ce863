"""An operator who erases a person is killed: what was erased is counted, the rest arrives; doing it again ends it."""

from __future__ import annotations

import asyncio
from functools import partial

from tests.chaos.kills import acts
from tests.chaos.kills.ground import BATCH
from tests.chaos.kills.scenes import Scene
from worker.buffer.batches import Limits, Part, Settlement
from worker.buffer.buffer import Buffer
from worker.connection.client import with_redis
from worker.erasure.person import Person

EMAIL = "jane.3@example.com"
HERS = 3  # the number of the event


class Erased(Scene):
    """Two events of one person, in two of three batches."""

    def prepare(self) -> None:
        super().prepare()
        more = self.on.enqueue(self.destination, self.account, [self.made()[HERS]])
        self.hers = [self.expected.pop(HERS), *more]
        self.act = partial(acts.erase, email=EMAIL)

    def right_after(self) -> None:
        """Nobody is told which of the two goes first; at the audit both are gone."""
        at_first = {1, 2} if self.is_done else {0, 1}
        assert self.on.ledger("event-api")["discarded"] in ({2} if self.name == "audit" else at_first)

    def go_on(self) -> None:
        acts.erase(self.on.env, EMAIL)
        assert self.on.ledger("event-api")["discarded"] == len(self.hers)
        was_noted = self.name == "audit" and self.is_done
        assert self.on.redis.xlen(f"{self.on.prefix}:audit") == 1 + was_noted
        super().go_on()


class Delivered(Scene):
    """Her event was delivered, and the others of its batch are to be sent again: its text is still in their list."""

    def prepare(self) -> None:
        super().prepare()
        asyncio.run(with_redis(self.on.env["FORWARDER_REDIS_URL"], self._deliver_hers))
        self.expected.pop(HERS)
        self.act = partial(acts.erase, email=EMAIL)

    async def _deliver_hers(self, redis: object) -> None:
        buffer = Buffer(redis, self.on.slot(self.destination))  # type: ignore[arg-type]
        (batch,) = (await buffer.claim(Limits(60_000, 1, 1))).batches
        (stored,) = await buffer.read([batch])
        person = Person([EMAIL])
        assert [person.is_in(each) for each in stored] == [number == HERS for number in range(BATCH)]
        size = batch.size // BATCH
        parts = (Part(0, HERS - 1, HERS * size, 0), Part(HERS + 1, BATCH - 1, batch.size - (HERS + 1) * size, 0))
        await buffer.settle(batch, Settlement(1, again=parts))

    def right_after(self) -> None:
        texts = [each for stored in self.on.picture("event-api").lists.values() for each in stored]
        assert any(map(Person([EMAIL]).is_in, texts)) != self.is_done
        assert self.on.ledger("event-api")["discarded"] == 0

    def go_on(self) -> None:
        acts.erase(self.on.env, EMAIL)
        super().go_on()
