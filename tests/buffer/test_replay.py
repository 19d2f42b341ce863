"""Replay and discard: what an operator does with dead letters, chunk by chunk, beside other operators."""

from __future__ import annotations

import asyncio

import pytest

from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import decode
from tests.buffer.support import World, dealt_with, event, events, name_of
from worker.dead_letters import DeadLetters, Filter, Place

CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)


@pytest.fixture
def letters(world: World) -> DeadLetters:
    return DeadLetters(world.redis, BufferSettings(key_prefix=world.slot.namespace), lambda _: CAPS)


async def die(
    world: World, *names: str, account: str = "acme", order: str = "", kind: str = "", code: str = "Bad"
) -> None:
    """These events come, are sent, and are refused for good, in one batch."""
    await world.append(*(event(name, account, order, kind, size=60 + len(name.encode())) for name in names))
    world.later(world.linger_ms)
    batches = [batch for batch in (await world.claim()).batches if batch.account == account]
    for batch in batches:
        await world.kill(batch, code)


async def replay(world: World, letters: DeadLetters, chosen: Filter = Filter()) -> int:  # noqa: B008 - immutable
    moved = (await letters.replay(await letters.choose(chosen))).moved
    world.later(60_000)  # what was replayed is due by Redis's own clock
    await world.check()
    return moved


async def test_replayed_events_keep_their_ids_times_and_history(world: World, letters: DeadLetters) -> None:
    await die(world, "one")
    (letter,) = (await world.picture()).letters.values()
    before = decode(letter["event"])
    assert await replay(world, letters) == 1
    batch = await world.claim_one()
    (stored,) = await world.read(batch)
    assert decode(stored) == before
    assert (before.id, before.enqueued_at, len(before.history)) == ("one", 1_000, 1)


async def test_an_event_that_dies_again_remembers_both_deaths(world: World, letters: DeadLetters) -> None:
    await die(world, "one", code="First")
    await replay(world, letters)
    await world.kill(await world.claim_one(), "Second")
    (letter,) = [letter async for letter in letters.find(Filter())]
    assert [entry["reasons"][0]["code"] for entry in letter.event.history] == ["First", "Second"]
    assert letter.code == "Second"


async def test_replayed_events_begin_with_no_attempts_spent(world: World, letters: DeadLetters) -> None:
    await die(world, "one")
    await replay(world, letters)
    assert (await world.claim_one()).attempts == 1


async def test_replayed_events_are_sealed_batches_of_their_own(world: World, letters: DeadLetters) -> None:
    """They never join a live batch, which they might poison."""
    await die(world, "a", "b")
    await world.append(event("live"))
    await replay(world, letters)
    states = {batch.state: [name_of(one) for one in batch.stored] for batch in (await world.picture()).batches.values()}
    assert states == {"open": ["live"], "ready": ["a", "b"]}
    await world.append(event("later"))
    assert sorted(map(sorted, await world.drain())) == [["a", "b"], ["later", "live"]]


async def test_replay_joins_the_end_of_its_order_key_and_seals_its_open_batch_first(
    world: World, letters: DeadLetters
) -> None:
    await die(world, "a", "b", order="o")
    await world.append(event("open", order="o"))
    await replay(world, letters)
    await world.append(event("later", order="o"))
    assert await world.drain() == [["open"], ["a", "b"], ["later"]]


async def test_replay_goes_behind_what_is_in_flight_and_waits_for_it(world: World, letters: DeadLetters) -> None:
    await die(world, "a", order="o")
    await world.append(event("b", order="o"))
    world.later(world.linger_ms)
    flying = await world.claim_one()
    await letters.replay(await letters.choose(Filter()))
    await world.check()
    assert (await world.claim()).batches == []
    await world.deliver(flying)
    world.later(60_000)
    assert await world.drain() == [["a"]]


async def test_order_keys_accounts_and_kinds_are_not_mixed_up(world: World, letters: DeadLetters) -> None:
    homes = [("acme", "o", ""), ("acme", "o", "k"), ("acme", "p", ""), ("other", "o", ""), ("other", "", "")]
    for account, order, kind in homes:
        await die(world, f"{account}/{order}/{kind}", account=account, order=order, kind=kind)
    assert await replay(world, letters) == len(homes)
    batches = (await world.picture()).batches.values()
    assert {(batch.account, batch.order, batch.kind) for batch in batches} == set(homes)


async def test_a_batch_that_died_whole_is_replayed_in_its_order(world: World, letters: DeadLetters) -> None:
    """All of its letters died in the same instant."""
    names = [f"n{number}" for number in range(12)]
    await die(world, *names, order="o")
    assert await replay(world, letters) == 12
    assert [name for batch in await world.drain() for name in batch] == names


async def test_replayed_batches_keep_the_caps(world: World) -> None:
    caps = BatchSettings(max_events=3, max_bytes=1_000)
    letters = DeadLetters(world.redis, BufferSettings(key_prefix=world.slot.namespace), lambda _: caps)
    await world.append(*events(8), event("large", size=900), event("larger", size=2_000), event("last"))
    world.later(world.linger_ms)
    await world.kill(await world.claim_one())
    await replay(world, letters)
    batches = (await world.picture()).batches.values()
    assert sum(batch.events for batch in batches) == 11
    assert all(batch.events == 1 or (batch.events <= 3 and batch.size <= 1_000 - 33) for batch in batches)


async def test_replay_of_many_goes_in_chunks_that_each_tell_how_many_were_moved(
    world: World, letters: DeadLetters
) -> None:
    world.cap_events = 1_000
    await world.append(*events(250))
    world.later(world.linger_ms)
    await world.kill(await world.claim_one())
    moved: list[int] = []
    assert (await letters.replay(await letters.choose(Filter()), moved.append)).moved == 250
    await world.check()
    assert moved == [100, 100, 50]


@pytest.mark.parametrize("operation", ["replay", "discard"])
async def test_two_operators_at_once_do_no_harm(world: World, letters: DeadLetters, operation: str) -> None:
    world.cap_events = 1_000
    await world.append(*events(250))
    world.later(world.linger_ms)
    await world.kill(await world.claim_one())
    places = await letters.choose(Filter())
    run = getattr(letters, operation)
    counts = await asyncio.gather(*(run(places) for _ in range(4)), letters.discard(places[::-1]))
    await world.check()
    ledger = (await world.picture()).ledger
    assert sum(map(dealt_with, counts)) == 250
    assert (ledger["dead"], ledger["ready"] + ledger["discarded"]) == (0, 250)


@pytest.mark.parametrize("operation", ["replay", "discard"])
async def test_a_letter_that_is_named_twice_is_dealt_with_once(
    world: World, letters: DeadLetters, operation: str
) -> None:
    await die(world, "one", "two")
    places = await letters.choose(Filter(ids=["one", "one"]))
    assert dealt_with(await getattr(letters, operation)(places)) == 1
    await world.check()
    assert [letter.id async for letter in letters.find(Filter())] == ["two"]


async def test_discarded_letters_are_gone_for_good(world: World, letters: DeadLetters) -> None:
    await die(world, "one", "two")
    assert await letters.discard(await letters.choose(Filter(ids=["one"]))) == 1
    await world.check()
    assert [letter.id async for letter in letters.find(Filter())] == ["two"]
    assert (await world.picture()).ledger["discarded"] == 1


async def test_a_letter_that_does_not_exist_is_passed_over(world: World, letters: DeadLetters) -> None:
    await die(world, "one")
    nowhere = [Place(world.slot, "999"), Place(world.slot._replace(namespace="nobody"), "1")]
    assert (await letters.replay(nowhere)).moved == 0
    assert await letters.discard(nowhere) == 0
    assert await world.discard(["999"]) == await world.replay(["999"]) == 0
    assert (await world.picture()).ledger["dead"] == 1


async def test_a_held_account_is_not_sent_what_was_replayed(world: World, letters: DeadLetters) -> None:
    await die(world, "one")
    await world.hold("acme", 3_600_000)
    assert await replay(world, letters) == 1
    assert (await world.claim()).batches == []
