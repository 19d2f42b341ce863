"""One replay in one slot, a step at a time: read letters, ask for consent, move what may go."""

from __future__ import annotations

import asyncio
import time
from itertools import islice

from redis.asyncio import Redis

from producers.consent import Consent
from producers.keys import Slot
from producers.settings import BatchSettings
from worker.buffer.batches import Room
from worker.buffer.calls import run_one
from worker.dead_letters.moving import Candidate, Done, Fate, Standing, replay_call
from worker.replay.choosing import Choosing
from worker.replay.record import Record
from worker.second_consent import ask

MOST = 500  # letters that one call decides on: a few milliseconds of Redis
FULL_S = 0.05  # until there may be room for another batch
PASS_S = 0.5  # until what was set aside is looked at again


class Walk:
    """Remembers what it has read ahead; Redis alone knows how far the replay has come."""

    def __init__(
        self,
        redis: Redis,
        slot: Slot,
        record: Record,
        choosing: Choosing,
        caps: BatchSettings,
        room: Room,
        consent: Consent | None,
    ) -> None:
        self._redis = redis
        self._slot = slot
        self._choosing = choosing
        self._caps = caps
        self._room = room
        self._consent = consent
        self._record = record
        self._ahead: list[Candidate] = []
        self._is_last = False
        self._fates: dict[str, Fate] = {}
        self._fewest = min(MOST, 2 * caps.max_events)  # that a call is offered: enough for a full batch
        self._offered = self._fewest  # more where calls deal with all of them
        self._burst = max(1.0, min(MOST, record.rate))
        self._may = self._burst  # letters that may go now
        self._reckoned = time.monotonic()
        self._not_before = 0.0
        self.over = False

    def due_in(self) -> float:
        """Seconds until a step may move something."""
        self._reckon()
        wanted = min(self._burst, self._caps.max_events)
        return max(self._not_before - time.monotonic(), (wanted - self._may) / self._record.rate, 0.0)

    async def step(self) -> Done:
        """Reads ahead where it must, and moves what may be moved now."""
        while not self._is_last and len(self._ahead) < self._offered:
            await self._read()
        self._reckon()
        some = list(islice(self._ahead, min(self._offered, max(1, int(self._may)))))
        is_last = self._is_last and len(some) == len(self._ahead)
        of = Standing(self._record.id, self._record.at, is_last)
        fates = await self._decided(some)
        call = replay_call(self._slot, self._caps, zip(some, fates, strict=True), of, self._room)
        done = Done.of(await run_one(self._redis, call))
        await self._went_on(done)
        return done

    async def close(self) -> None:
        """It is not gone on with."""
        await self._choosing.close()

    async def _read(self) -> None:
        record = self._record if not self._ahead else self._record._replace(at=self._ahead[-1].place)
        found, self._is_last = await self._choosing.next_of(record)
        self._ahead += found

    async def _decided(self, some: list[Candidate]) -> list[Fate]:
        """The shop is asked in a thread: what it does there must not keep a delivery waiting."""
        new = [each for each in some if each.letter and each.place not in self._fates]
        if not self._record.asks_consent and self._consent is None:
            return ["move"] * len(some)
        if self._consent is None:
            return ["undecided"] * len(some)  # whoever began it has a callback, and this process has not
        asked = await asyncio.to_thread(ask, self._consent, [each.letter for each in new if each.letter])
        kinds: tuple[tuple[Fate, list[str]], ...] = (
            ("move", [letter.number for letter in asked.allowed]),
            ("withhold", [letter.number for letter in asked.withheld]),
            ("undecided", [letter.number for letter in asked.undecided]),
        )
        by_number = {number: fate for fate, numbers in kinds for number in numbers}
        self._fates |= {each.place: by_number[each.letter.number] for each in new if each.letter}
        return [self._fates.get(each.place, "move") for each in some]

    async def _went_on(self, done: Done) -> None:
        self._may -= done.moved + done.withheld
        self._offered = min(MOST, 2 * self._offered) if done.ended == "all" else self._fewest
        if done.ended in ("over", "stale"):
            self.over = True  # or somebody else goes on with it, or it was paused: it is looked at anew
            return
        passed = next((n for n, each in enumerate(self._ahead, 1) if each.place == done.at), 0)
        for each in self._ahead[:passed]:
            self._fates.pop(each.place, None)
        del self._ahead[:passed]
        anew = "/" in done.at and done.at != self._record.at  # a pass over what was set aside begins
        if done.ended == "changed" or anew:
            self._ahead, self._is_last, self._fates = [], False, {}
            await self._choosing.close()
        self._record = self._record._replace(at=done.at, in_passes=self._record.in_passes or anew)
        pause = PASS_S if anew else FULL_S if done.ended == "full" else 0.0
        self._not_before = time.monotonic() + pause

    def _reckon(self) -> None:
        now = time.monotonic()
        self._may = min(self._burst, self._may + (now - self._reckoned) * self._record.rate)
        self._reckoned = now
