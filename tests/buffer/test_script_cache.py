"""Redis may forget its scripts at any moment (a restart, a failover, SCRIPT FLUSH): nobody notices."""

from __future__ import annotations

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from producers.producer import Producer
from producers.settings import BatchSettings, BufferSettings
from tests.buffer.support import World, event, whole
from worker.buffer.batches import Settled, Settlement
from worker.connection.client import sync_redis
from worker.dead_letters import DeadLetters, Filter
from worker.stack.redis_server import EmbeddedRedis

CAPS = BatchSettings(max_events=100, max_bytes=1_000_000, linger_ms=0)


async def test_scripts_that_are_forgotten_before_every_operation_change_nothing(world: World) -> None:
    letters = DeadLetters(world.redis, BufferSettings(key_prefix=world.slot.namespace), lambda _: CAPS)
    forget = world.redis.script_flush
    world.linger_ms = 0
    await forget()
    await world.append(event("1", "a"), event("2", "b"), event("3", "c"), event("4", "d"))
    await forget()
    await world.holds.pause("d", "why")
    await forget()
    one, two, three = (await world.claim()).batches
    await forget()
    settled, claimed = await world.settle_and_claim([(one, Settlement(1)), (two, whole(two))], 10)
    assert settled == [Settled.DONE] * 2
    await forget()
    await world.kill(three)
    for again in claimed.batches:
        await forget()
        assert await world.kill(again)
    await forget()
    assert await letters.discard(await letters.choose(Filter(ids=["2"]))) == 1
    await forget()
    assert (await letters.replay(await letters.choose(Filter()))).moved == 1
    await forget()
    assert await world.holds.resume(["d"]) == 1
    world.later(60_000)
    assert len(await world.drain()) == 2
    ledger = (await world.picture()).ledger
    assert (ledger["accepted"], ledger["delivered"], ledger["discarded"]) == (4, 3, 1)


async def test_a_claim_never_overtakes_the_settlement_it_travels_with(world: World) -> None:
    """Though Redis has forgotten one of the scripts and not the other. The worker is late, but nobody else has its
    batch, so what it has delivered must not be claimed and sent again."""
    world.linger_ms = 0
    await world.append(event("1"))
    await world.redis.script_flush()
    batch = await world.claim_one()  # loads claim, not settle
    world.later(world.lease_ms)
    settled, claimed = await world.settle_and_claim([(batch, Settlement(1))], 10)
    assert (settled, claimed.batches) == ([Settled.DONE], [])


def test_a_producer_enqueues_though_redis_forgot_the_script(redis_server: EmbeddedRedis, prefix: str) -> None:
    producer = Producer(
        BufferSettings(redis_server.url, prefix, enqueue_budget_ms=5_000), dict.fromkeys(DESTINATIONS, CAPS)
    )
    redis = sync_redis(redis_server.url)
    for _ in range(3):
        redis.script_flush()
        producer.enqueue("event-api", account="1", event={"eventType": "conversion"})
        producer.enqueue("event-api", account="1", event={"eventType": "conversion"})
    producer.close()
    assert redis.hget(Slot(prefix, "event-api", 0).key("ledger"), "accepted") == b"6"
    redis.close()
