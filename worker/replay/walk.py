"""One replay in one slot, a step at a time: read letters, ask for consent, move what may go."""

from __future__ import annotations

import time
from itertools import islice, takewhile

from redis.asyncio import Redis

from producers.keys import Slot
from producers.settings import BatchSettings
from worker.buffer.batches import Room
from worker.buffer.calls import run_one
from worker.dead_letters.moving import Candidate, Done, Fate, Standing, replay_call
from worker.replay.asking import Asking
from worker.replay.choosing import PAGE, Choosing
from worker.replay.record import Record

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
        asking: Asking | None,
        now: float,
    ) -> None:
        """`now`: by Redis's clock, in ms."""
        self._redis = redis
        self._slot = slot
        self._choosing = choosing
        self._caps = caps
        self._room = room
        self._asking = asking
        self._record = record
        self._ahead: list[Candidate] = []
        self._is_last = False
        self._through = ""  # so far it was looked at
        self._fates: dict[str, Fate] = {}
        self._fewest = min(MOST, 2 * caps.max_events)  # that a call is offered: enough for a full batch
        self._offered = self._fewest  # more where calls deal with all of them
        self._burst = max(1.0, min(MOST, record.rate))
        self._may = min(self._burst, (now - record.next) / 1000 * record.rate)  # letters that may go now
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
        while not self._is_last and len(self._ahead) < self._offered and await self._read():
            pass
        self._reckon()
        some = list(islice(self._ahead, min(self._offered, max(1, int(self._may)))))
        fates = await self._decided(some)
        chosen = list(zip(some, fates, strict=False))
        is_all = len(chosen) == len(self._ahead)
        of = Standing(self._record.id, self._record.at, self._is_last and is_all, self._through if is_all else "")
        done = Done.of(await run_one(self._redis, replay_call(self._slot, self._caps, chosen, of, self._room)))
        await self._went_on(done, len(chosen))
        return done

    async def close(self) -> None:
        """It is not gone on with."""
        await self._choosing.close()

    async def _read(self) -> bool:
        """Whether there was as much as it reads at once; less where the filter takes few of many, or at the end."""
        stretch = await self._choosing.next_of(self._record._replace(at=self._through or self._record.at))
        self._ahead += stretch.found
        self._is_last, self._through = stretch.is_last, stretch.through or self._through
        return len(stretch.found) >= PAGE

    async def _decided(self, some: list[Candidate]) -> list[Fate]:
        """What becomes of the first of them: of as many as the shop has answered for."""
        if self._asking is None:  # whoever began it may have a callback, and this process has not
            return ["undecided" if self._record.asks_consent else "move"] * len(some)
        new = [each for each in some if each.letter and each.place not in self._fates]
        answers = await self._asking.fates(self._record.id, new) if new else []
        self._fates |= {each.place: fate for each, fate in zip(new, answers, strict=False)}
        known = takewhile(lambda each: each.letter is None or each.place in self._fates, some)
        return [self._fates.get(each.place, "move") for each in known]

    async def _went_on(self, done: Done, offered: int) -> None:
        self._may -= done.moved + done.withheld
        self._offered = min(MOST, 2 * self._offered) if done.ended == "all" and offered else self._fewest
        if done.ended in ("over", "stale"):
            self.over = True  # or somebody else goes on with it, or it was paused: it is looked at anew
            return
        places = enumerate(self._ahead[:offered], 1)
        passed = offered if done.ended == "all" else next((n for n, each in places if each.place == done.at), 0)
        for each in self._ahead[:passed]:
            self._fates.pop(each.place, None)
        del self._ahead[:passed]
        anew = "/" in done.at and done.at != self._record.at  # a pass over what was set aside begins
        if done.ended == "changed" or anew:
            self._ahead, self._is_last, self._through, self._fates = [], False, "", {}
            await self._choosing.close()
        self._record = self._record._replace(at=done.at, in_passes=self._record.in_passes or anew)
        pause = PASS_S if anew else FULL_S if done.ended == "full" else 0.0
        self._not_before = time.monotonic() + pause

    def _reckon(self) -> None:
        now = time.monotonic()
        self._may = min(self._burst, self._may + (now - self._reckoned) * self._record.rate)
        self._reckoned = now
