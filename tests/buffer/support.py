"""A slot with a clock of its own: no test sleeps, and after every operation the slot's books are checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha1
from itertools import groupby
from typing import Any

from msgspec.structs import replace
from redis.exceptions import NoScriptError

from producers.accepted import Fate, fates
from producers.append import APPEND, Append, Entry, append_call, epoch
from producers.clock import now_ms
from producers.destinations import Whole
from producers.destinations.event_api import EVENT_API
from producers.keys import Slot
from producers.prints import print_of_content, print_of_id
from producers.scripts import load
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import StoredEvent, decode, event_time_of, payload_of
from tests.buffer.invariants import check
from tests.buffer.picture import Picture, take_picture
from worker.buffer.batches import Batch, Bounds, Claimed, Death, Limits, Part, Room, Settled, Settlement, Verdict
from worker.buffer.buffer import Buffer
from worker.buffer.calls import Call, run_one
from worker.buffer.erasing import Erasing, Owner, Run
from worker.buffer.holds import Holds
from worker.dead_letters import Replayed
from worker.dead_letters.moving import Done, Standing, spelled
from worker.dead_letters.moving import Fate as LetterFate

TO = EVENT_API._replace(envelope_bytes=lambda *_: 0)  # so that the cap in bytes is the sum of the sizes
CODE = "Refused"
HOLD = load("tests.buffer", "hold")


class World:
    """One slot, its clock `now` and what every batch and claim of it is limited to."""

    def __init__(self, redis: Any, slot: Slot, **limits: Any) -> None:
        self.redis = redis
        self.slot = slot
        self.now = now_ms()
        self.cap_events = 100
        self.cap_bytes = 1_000_000
        self.linger_ms = 1_000
        self.most_an_account = 100
        self.lease_ms = 60_000
        self.bounds = Bounds()
        self.full: dict[str, int] = {}  # of max_buffered_events, max_buffered_bytes
        self.memory_percent = 80
        self.window_s = 86_400  # in which an id is accepted once
        self.checked = True
        vars(self).update(limits)

    @property
    def buffer(self) -> Buffer:
        return Buffer(self.redis, self.slot, self.bounds, now=self.now)

    @property
    def holds(self) -> Holds:
        return Holds(self.redis, self.slot, now=self.now)

    def later(self, ms: int) -> None:
        """Time passes."""
        self.now += ms

    def append_call(self, entries: Iterable[Entry], *, shards: int = 1) -> Append:
        bounds = {**self.full, "duplicates_window_s": self.window_s}
        caps = BatchSettings(self.cap_events, self.cap_bytes, self.linger_ms, **bounds)
        buffer = BufferSettings(shards=shards, max_memory_percent=self.memory_percent)
        call = append_call(self.slot, buffer, TO, caps, entries)
        call.args[2] = self.now
        return call

    async def append(self, *entries: Entry, shards: int = 1) -> int:
        return await self.run_append(self.append_call(entries, shards=shards))

    async def run_append(self, call: Append) -> int:
        answer = await evaluate(self.redis, call)
        await self.check()
        return answer

    async def offer(self, *entries: Entry) -> list[tuple[Fate, str]]:
        """What became of each: its fate and, if it was accepted before, the batch that it went into then."""
        call = self.append_call(entries)
        answer = await run(self.redis, call)
        await self.check()
        told = answer[1:] if isinstance(answer, list) else []
        batches = {call.places[place]: batch.decode() for place, batch in zip(told[::3], told[2::3], strict=True)}
        return [(fate, batches.get(at, "")) for at, fate in enumerate(fates(answer, call.places))]

    async def claim(self, most: int = 100) -> Claimed:
        limits = Limits(self.lease_ms, most, self.most_an_account)
        claimed = await self.buffer.claim(limits)
        await self.check()
        return claimed

    async def claim_one(self) -> Batch:
        (batch,) = (await self.claim(1)).batches
        return batch

    async def settle(self, batch: Batch, settlement: Settlement) -> Settled:
        settled = await self.buffer.settle(batch, settlement)
        await self.check()
        return settled

    async def deliver(self, batch: Batch) -> bool:
        return bool(await self.settle(batch, Settlement(batch.events, verdict=Verdict.TAKEN)))

    async def settle_and_claim(
        self, ended: Sequence[tuple[Batch, Settlement]], most: int
    ) -> tuple[list[Settled | Exception], Claimed]:
        answer = await self.buffer.settle_and_claim(ended, Limits(self.lease_ms, most, self.most_an_account))
        await self.check()
        return answer

    async def kill(self, batch: Batch, code: str = CODE) -> bool:
        """Every event of the batch becomes a dead letter."""
        deaths = tuple(death(stored, code) for stored in await self.read(batch))
        return bool(await self.settle(batch, Settlement(0, deaths)))

    async def read(self, batch: Batch) -> list[bytes]:
        (stored,) = await self.buffer.read([batch])
        return stored

    async def names(self, batch: Batch) -> list[str]:
        return [name_of(stored) for stored in await self.read(batch)]

    async def hold(self, account: str, duration_ms: int, reason: str = "paused") -> None:
        """For a time; a duration of 0 ends that."""
        await hold(self.redis, self.slot, self.now, account, "limited", duration_ms, reason)
        await self.check()

    async def park(self, account: str, reason: str = "refused", credentials: str = "") -> None:
        """As a settlement does when credentials are refused."""
        await hold(self.redis, self.slot, self.now, account, "parked", 0, reason, credentials)
        await self.check()

    async def replay(self, numbers: Sequence[str]) -> int:
        """Of no replay that Redis keeps; letters that are gone are asked for as well."""
        return (await self.replay_step([f"1:{number}" for number in numbers])).moved

    async def begin_replay(self, replay: str, limit: int = 0) -> None:
        fields = {"limit": limit, "filter": "{}"}
        told = [item for field in fields.items() for item in field]
        await self._run("begin", [self.now, replay, self.now, *told])

    async def replay_step(
        self,
        places: Sequence[str],
        fate: LetterFate = "move",
        of: Standing = Standing(),  # noqa: B008 - immutable
        room: Room = Room(),  # noqa: B008 - immutable
    ) -> Done:
        """The script itself, at this world's time, over letters by their places; those that are gone are asked for."""
        letters = (await self.picture()).letters
        args: list[Any] = [self.now, epoch(), self.cap_events, self.window_s, of.replay, of.at, int(of.is_last)]
        args += [of.through, *room]
        for place in places:
            number = place.partition(":")[2]
            stored = letters[number]["event"] if number in letters else StoredEvent(0, 0, b"").encode()
            payload = payload_of(stored)
            order, kind = (letters.get(number, {}).get(name, b"").decode() for name in ("order", "kind"))
            digest = sha1(spelled(Whole("", order, kind), payload), usedforsecurity=False).hexdigest()
            told = print_of_letter(letters[number]) if number in letters else b""
            args += [place, fate, digest, len(payload) + 1, self.cap_bytes, event_time_of(stored), 0, told]
        answer = await run_one(self.redis, Call("replay", self.slot.fixed, args))
        await self.check()
        return Done.of(answer)

    async def discard(self, numbers: Sequence[str]) -> int:
        return await self._run("discard", ["discarded", *numbers])

    async def edit(self, number: str, read: bytes, entry: Entry) -> int:
        """Puts an event in the place of a letter's that was read as this. Gives what edit.lua says."""
        version = sha1(read, usedforsecurity=False).hexdigest()
        return await self._run("edit", [number, version, entry.order, entry.kind, entry.event_time, entry.stored])

    @property
    def erasing(self) -> Erasing:
        return Erasing(self.redis, self.slot, self.now, self.bounds.records_ms)

    async def found(self, theirs: Callable[[str], bool]) -> list[tuple[Owner, list[Run]]]:
        """The batches that hold events of these names, and where in them."""
        owners = await self.erasing.owners((await self.picture()).batches)
        runs = [await self.runs(owner.source, owner.first, owner.last, theirs) for owner in owners]
        return [(owner, found) for owner, found in zip(owners, runs, strict=True) if found]

    async def runs(self, source: str, first: int, last: int, theirs: Callable[[str], bool]) -> list[Run]:
        return await self.erasing.runs(source, first, last, lambda stored: bool(stored) and theirs(name_of(stored)))

    async def erase(self, *names: str) -> int:
        """Takes these events out of all batches that hold some of them."""
        erased = [await self.erase_from(*found) for found in await self.found(names.__contains__)]
        return sum(erased)

    async def erase_from(self, owner: Owner, runs: Sequence[Run]) -> int:
        erased = await self.erasing.erase(owner, runs)
        await self.check()
        return erased

    async def drain(self) -> list[list[str]]:
        """Delivers everything, letting time pass as the claims say. Gives the events of each batch, in order."""
        delivered = []
        while True:
            claimed = await self.claim()
            for batch in claimed.batches:
                delivered.append(await self.names(batch))
                assert await self.deliver(batch)
            if not claimed.batches and claimed.next_due is None:
                return delivered
            if not claimed.batches and claimed.next_due is not None:
                self.now = max(self.now + 1, claimed.next_due)

    async def picture(self) -> Picture:
        return await take_picture(self.redis, self.slot)

    async def check(self) -> None:
        if self.checked:
            check(await self.picture(), self.now)

    async def _run(self, script: str, args: list[Any]) -> int:
        answer = int(await run_one(self.redis, Call(script, self.slot.fixed, args)))
        await self.check()
        return answer


def dealt_with(done: int | Replayed) -> int:
    """How many letters a replay moved, or a discard gave up."""
    return done.moved if isinstance(done, Replayed) else done


async def hold(redis: Any, slot: Slot, *args: Any) -> None:
    """Runs `lua/hold.lua` beside this file."""
    await redis.eval(HOLD.text, len(slot.fixed), *slot.fixed, *args)


async def evaluate(redis: Any, call: Append) -> int:
    """Runs an append as a producer does. Gives how many events were added."""
    answer = await run(redis, call)
    return int(answer[0] if isinstance(answer, list) else answer)


async def run(redis: Any, call: Append) -> Any:
    try:
        return await redis.execute_command("EVALSHA", APPEND.sha, *call.command)
    except NoScriptError:
        return await redis.execute_command("EVAL", APPEND.text, *call.command)


def event(name: str, account: str = "acme", order: str = "", kind: str = "", *, size: int = 40, time: int = 0) -> Entry:
    """An event that takes `size` bytes of a request, recognised again by its name."""
    payload = json.dumps({"n": name, "p": ""}, separators=(",", ":"), ensure_ascii=False).encode()
    payload = payload[:-2] + b"x" * (size - 1 - len(payload)) + payload[-2:]
    assert len(payload) == size - 1, f"an event of {size} bytes cannot hold the name {name!r}"
    stored = StoredEvent(enqueued_at=1_000, event_time=time, payload=payload, id=name).encode()
    return Entry(account, order, kind, time, size, stored)


def known(entry: Entry, event_id: str = "", *, type: str = "", content: str = "") -> Entry:  # noqa: A002 - the word
    """The same event with an id that is accepted once: its name, unless another is given."""
    print_ = print_of_id(entry.account, type, event_id or name_of(entry.stored))
    return replace(entry, print=print_ + print_of_content(content.encode(), entry.order, entry.kind))


def events(count: int, account: str = "acme", order: str = "", kind: str = "", *, size: int = 40) -> list[Entry]:
    """Events e0, e1, …"""
    return [event(f"e{number}", account, order, kind, size=size) for number in range(count)]


def print_of_letter(letter: Mapping[str, bytes]) -> bytes:
    """By which the index of accepted ids knows its event."""
    account, kind = letter["account"].decode(), json.loads(payload_of(letter["event"])).get("eventType", "")
    return print_of_id(account, kind, name_of(letter["event"]))


def name_of(stored: bytes) -> str:
    """Of an event that the tests made up, or of one as a shop makes it."""
    event = json.loads(payload_of(stored))
    return str(event.get("n") or event.get("clientEventId"))


def death(stored: bytes, code: str = CODE) -> Death:
    """This event's death, with an entry in its history."""
    dead = decode(stored)
    entry = {"reasons": [{"code": code, "message": "no"}], "status": 400, "attempts": 1, "died_at": "then"}
    return Death(dead.id, code, dead.event_time, replace(dead, history=(*dead.history, entry)).encode())


def part(batch: Batch, stored: Sequence[bytes], first: int, last: int, delay_ms: int = 0) -> Part:
    """The events at these places of the batch."""
    size = sum(len(payload_of(one)) + 1 for one in stored[first : last + 1])
    return Part(batch.first + first, batch.first + last, size, delay_ms)


def whole(batch: Batch, delay_ms: int = 0, *, refund: bool = False) -> Settlement:
    """The whole batch again."""
    return Settlement(0, again=(Part(batch.first, batch.last, batch.size, delay_ms),), refund=refund)


def settlement(batch: Batch, stored: Sequence[bytes], ends: Sequence[str], delay_ms: int = 0) -> Settlement:
    """One letter an event: (d)elivered, (x) dead, (a)gain or (b) again; neighbours of one letter are one part."""
    deaths = tuple(death(one) for one, end in zip(stored, ends, strict=True) if end == "x")
    runs = [(end, [place for place, _ in run]) for end, run in groupby(enumerate(ends), key=lambda pair: pair[1])]
    parts = tuple(part(batch, stored, run[0], run[-1], delay_ms) for end, run in runs if end in "ab")
    return Settlement(list(ends).count("d"), deaths, parts)
