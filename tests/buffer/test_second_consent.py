"""Before a dead letter is sent again the shop is asked again: no means discarded, and no answer that it stays."""

from __future__ import annotations

from typing import Any

from producers.settings import BatchSettings, BufferSettings
from tests.buffer.support import World, event, name_of
from worker.dead_letters import DeadLetters, Filter, Replayed


def agreed(destination: str, account: str, told: Any) -> bool:
    """As an event's name begins: yes, no, or an exception."""
    assert (destination, account) == ("event-api", "acme")
    return {"y": True, "n": False}[told["n"][0]]


def letters(world: World) -> DeadLetters:
    caps = BatchSettings(max_events=100, max_bytes=1_000_000)
    buffer = BufferSettings(key_prefix=world.slot.namespace)
    return DeadLetters(world.redis, buffer, lambda _: caps, consent=agreed)


async def replay(world: World, *names: str) -> Replayed:
    await world.append(*(event(name, order="o") for name in names))
    world.later(world.linger_ms)
    await world.kill(await world.claim_one())
    queues = letters(world)
    replayed = await queues.replay(await queues.choose(Filter()))
    await world.check()
    return replayed


async def test_who_agreed_is_sent_who_did_not_is_discarded_and_who_nobody_knows_stays(world: World) -> None:
    """The others keep their order."""
    replayed = await replay(world, "y1", "n1", "?1", "y2", "n2", "y3")
    assert replayed == Replayed(moved=3, withheld=2, undecided=("?1",))
    picture = await world.picture()
    assert [name_of(letter["event"]) for letter in picture.letters.values()] == ["?1"]
    assert (picture.ledger["ready"], picture.ledger["discarded"], picture.ledger["dead"]) == (3, 2, 1)
    world.later(60_000)
    assert await world.drain() == [["y1", "y2", "y3"]]


async def test_a_callback_that_always_fails_changes_nothing(world: World) -> None:
    assert await replay(world, "?1", "?2") == Replayed(undecided=("?1", "?2"))
    assert (await world.picture()).ledger["dead"] == 2


async def test_letters_that_nobody_agreed_to_leave_nothing_to_send(world: World) -> None:
    assert await replay(world, "n1", "n2") == Replayed(withheld=2)
    assert not (await world.picture()).batches
