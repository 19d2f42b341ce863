"""A person's events are found wherever they wait: open, sealed, waiting, split, dead, and in messages of the intake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from producers.append import Entry, entry
from producers.destinations.contract import Prepared
from producers.errors import Fault, InvalidEvent
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.invariants import check
from tests.buffer.picture import take_picture
from tests.buffer.support import World, settlement
from worker.buffer.looking import Letters
from worker.connection.client import sync_redis
from worker.dead_letters import DeadLetters, Filter
from worker.erasure.erasure import Found, RedisPlace, Where
from worker.erasure.person import Person
from worker.intake.letters import reject
from worker.stack.redis_server import EmbeddedRedis

JANE, MARY = "jane@example.com", "mary@example.com"
PERSON = Person([JANE])
CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)


def of(email: str, name: str, account: str = "acme", order: str = "", **fields: Any) -> Entry:
    """An event of theirs, recognised again by its name."""
    payload = msgspec.json.encode({"n": name, "email": email, **fields})
    return entry(account, Prepared(name, 0, payload, order, "", name), 1_000)


def place(world: World, timeout_s: float = 0) -> RedisPlace:
    return RedisPlace(world.redis, BufferSettings(key_prefix=world.slot.namespace), timeout_s)


async def erase(world: World, timeout_s: float = 0) -> Found:
    found = await place(world, timeout_s).erase(PERSON)
    await world.check()
    return found


def of_event_api(**counts: int) -> Counter[Where]:
    return Counter({("event-api", state): count for state, count in counts.items()})


async def texts(world: World) -> bytes:
    """Everything that lies in the slot's lists and letters."""
    picture = await world.picture()
    lists: Sequence[bytes] = [stored for each in picture.lists.values() for stored in each]
    return b"".join([*lists, *(value for letter in picture.letters.values() for value in letter.values())])


async def test_open_ready_waiting_and_dead_events_go_and_no_other(world: World) -> None:
    world.cap_events = 4
    await world.append(*(of([JANE, MARY][number % 2], f"w{number}", "waits") for number in range(4)))
    await world.append(*(of([JANE, MARY][number % 2], f"d{number}", "dies") for number in range(4)))
    waits, dies = sorted((await world.claim()).batches, key=lambda batch: batch.account)[::-1]
    await world.settle(waits, settlement(waits, await world.read(waits), "aaaa", 60_000))
    await world.kill(dies)
    await world.append(*(of([JANE, MARY][number % 2], f"r{number}", "ready") for number in range(4)))
    await world.append(*(of([JANE, MARY][number % 2], f"o{number}", "open") for number in range(2)))
    there = of_event_api(open=1, ready=2, waiting=2, dead=2)
    before = await world.picture()
    assert await place(world).find(PERSON) == Found(there, Counter())
    assert await world.picture() == before
    assert await erase(world) == Found(there, Counter())
    assert JANE.encode() not in await texts(world)
    assert (await world.picture()).ledger["discarded"] == 7
    left = sorted(name for batch in await world.drain() for name in batch)
    assert left == sorted(["w1", "w3", "r1", "r3", "o1"])
    assert await erase(world) == Found(Counter(), Counter())


async def test_what_parts_of_a_batch_share_is_searched_in_each_and_around_them(world: World) -> None:
    """Also what was delivered of it, or is dead, of which the text was still there."""
    await world.append(*(of(JANE, f"e{number}", order="o") for number in range(8)))
    world.later(world.linger_ms)
    batch = await world.claim_one()
    await world.settle(batch, settlement(batch, await world.read(batch), "daabbdxd"))
    await world.append(of(MARY, "m", order="o"))
    assert (await erase(world)).events == of_event_api(ready=4, dead=1)
    assert JANE.encode() not in await texts(world)
    assert await world.drain() == [["m"]]


async def test_delivered_events_leave_no_text_while_others_of_their_list_wait(world: World) -> None:
    await world.append(*(of([JANE, MARY][number % 2], f"e{number}") for number in range(4)))
    world.later(world.linger_ms)
    batch = await world.claim_one()
    await world.settle(batch, settlement(batch, await world.read(batch), "dada"))
    assert JANE.encode() in await texts(world)
    assert await erase(world) == Found(Counter(), Counter())
    assert JANE.encode() not in await texts(world)
    assert sorted(await world.drain()) == [["e1"], ["e3"]]


async def test_what_is_in_flight_is_told_when_time_is_over_and_the_rest_goes(world: World) -> None:
    await world.append(of(JANE, "flies"), of(MARY, "m"))
    world.later(world.linger_ms)
    batch = await world.claim_one()
    await world.append(of(JANE, "waits"))
    assert await erase(world) == Found(of_event_api(open=1), of_event_api(in_flight=1))
    assert await world.deliver(batch)


async def test_what_is_in_flight_is_waited_for_and_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes back as a batch, as parts and as a letter; the lease never ended."""
    await world.append(*(of(JANE, f"e{number}") for number in range(3)))
    world.later(world.linger_ms)
    batch = await world.claim_one()
    wait = RedisPlace._settled  # noqa: SLF001 - the moment at which it would wait
    ended: list[Any] = []

    async def it_ends(self: RedisPlace, flying: Any, ends: float) -> bool:
        if flying and not ended:
            ended.append(await world.settle(batch, settlement(batch, await world.read(batch), "xad", 60_000)))
        return await wait(self, flying, ends)

    monkeypatch.setattr(RedisPlace, "_settled", it_ends)
    assert await erase(world, timeout_s=30) == Found(of_event_api(waiting=1, dead=1), Counter())
    assert JANE.encode() not in await texts(world)


async def test_events_that_come_meanwhile_go_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two passes more of them come, into a list that was read already and into a new one."""
    await world.append(of(MARY, "m0"), of(JANE, "e0"))
    later = [[of(MARY, "m1"), of(JANE, "e1")], [of(JANE, "e2", order="o")]]
    theirs = Letters.theirs

    async def and_more_come(self: Letters) -> Any:
        if later:
            await world.append(*later.pop(0))
        return await theirs(self)

    monkeypatch.setattr(Letters, "theirs", and_more_come)
    assert (await erase(world)).events == of_event_api(open=3)
    assert sorted(name for batch in await world.drain() for name in batch) == ["m0", "m1"]


async def test_addresses_of_lists_are_found_plain_and_hashed(world: World) -> None:
    world.slot = Slot(world.slot.namespace, "audience", 0)
    hashed = sha256(JANE.encode()).hexdigest()
    for number, payload in enumerate((JANE, MARY, hashed, "x" * 64)):
        text = msgspec.json.encode(payload)
        made = Prepared(f"id{number}", 0, text, "list", f"include {len(payload) == 64}", f"id{number}")
        await world.append(entry("acme", made, 1_000))
    found = await place(world).erase(Person(hashes=[hashed]))
    await world.check()
    assert found.events.total() == 2
    left = [stored for each in (await world.picture()).batches.values() for stored in each.stored]
    assert len(left) == 2


async def test_messages_of_the_intake_go_and_others_stay(
    world: World, prefix: str, redis_server: EmbeddedRedis
) -> None:
    fault = InvalidEvent([Fault("line", "no")])
    bodies = [b"no line, jane@example.com", b'{"a": "jane\\u0040example.com"}', b"mary.jane@example.com"]
    with sync_redis(redis_server.url) as client:
        reject(client, prefix, [(body, fault) for body in bodies])
    assert (await erase(world)).events == Counter({("intake", "dead"): 2})
    picture = await take_picture(world.redis, Slot(prefix, "intake", 0))
    check(picture, world.now)
    assert (picture.ledger["dead"], picture.ledger["discarded"]) == (1, 2)


async def test_an_account_may_be_called_like_a_key(world: World) -> None:
    account = "x}:events:1-aa"
    await world.append(of(JANE, "e0", account), of(MARY, "m0", account))
    assert (await erase(world)).events == of_event_api(open=1)
    assert await world.drain() == [["m0"]]


async def test_letters_that_are_replayed_meanwhile_are_found_as_events(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lists were looked at already, and then the letter became an event."""
    await world.append(of(JANE, "e0"))
    world.later(world.linger_ms)
    await world.kill(await world.claim_one())
    letters = DeadLetters(world.redis, BufferSettings(key_prefix=world.slot.namespace), lambda _: CAPS)
    theirs = Letters.theirs
    replayed: list[Any] = []

    async def after_a_replay(self: Letters) -> Any:
        if not replayed:
            replayed.append(await letters.replay(await letters.choose(Filter())))
        return await theirs(self)

    monkeypatch.setattr(Letters, "theirs", after_a_replay)
    assert (await erase(world)).events == of_event_api(ready=1)
