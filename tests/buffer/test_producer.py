"""The producer against a real server: ids, results an event, and round trips."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from producers import EnqueueFailed, InvalidEvent, Producer
from producers.accepted import Fate
from producers.destinations import DESTINATIONS
from producers.keys import LAYOUT
from producers.many import CHUNK_EVENTS, Result
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import decode, payload_of
from tests.buffer.crowd import commands
from tests.buffer.support import World
from worker.stack.redis_server import EmbeddedRedis

SENT_BY_CLIENTS = {
    "eval",
    "evalsha",
    "script|load",
    "hello",
    "auth",
    "select",
    "ping",
    "client|setinfo",
    "multi",
    "exec",
}
CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)


def conversion(**more: Any) -> dict[str, Any]:
    return {"eventType": "conversion", **more}


def line(id_: str | None = None, account: str = "1", **more: Any) -> dict[str, Any]:
    return {"destination": "event-api", "account": account, "event": conversion(**more), "id": id_}


@pytest.fixture
def producer(redis_server: EmbeddedRedis, prefix: str) -> Iterator[Producer]:
    made = Producer(
        BufferSettings(redis_server.url, prefix, enqueue_budget_ms=5_000), dict.fromkeys(DESTINATIONS, CAPS)
    )
    yield made
    made.close()


async def stored_ids(world: World) -> list[str]:
    """The ids of all events, batch by batch, in their order."""
    batches = sorted((await world.picture()).batches.values(), key=lambda batch: int(batch.id.partition("-")[0]))
    return [msgspec.json.decode(payload_of(one))["clientEventId"] for batch in batches for one in batch.stored]


async def test_an_enqueued_event_lies_in_redis_under_the_id_that_was_given_back(
    producer: Producer, world: World
) -> None:
    id_ = producer.enqueue("event-api", account="1", event=conversion(objectData=[{"name": "amount", "value": "7"}]))
    await world.check()
    (batch,) = (await world.picture()).batches.values()
    stored = decode(batch.stored[0])
    payload = msgspec.json.decode(stored.payload)
    assert (payload["clientEventId"], batch.account) == (id_, "1")
    assert payload["objectData"] == [{"name": "amount", "value": "7"}]


async def test_the_callers_own_id_is_kept(producer: Producer, world: World) -> None:
    assert producer.enqueue("event-api", account="1", event=conversion(), id="mine") == "mine"
    assert producer.enqueue("event-api", account="1", event=conversion(clientEventId="in it")) == "in it"
    assert await stored_ids(world) == ["mine", "in it"]


async def test_an_invalid_event_raises_and_leaves_nothing(producer: Producer, world: World) -> None:
    with pytest.raises(InvalidEvent):
        producer.enqueue("event-api", account="1", event={"nonsense": 1})
    assert not (await world.picture()).keys


async def cost(world: World, work: Callable[[], object]) -> Counter[str]:
    """The commands that clients sent, those within scripts left out."""
    async with cost_of(world) as sent:
        work()
    return sent


@asynccontextmanager
async def cost_of(world: World) -> AsyncIterator[Counter[str]]:
    """The same, of what is done within."""
    before = await commands(world.redis)
    told: Counter[str] = Counter()
    yield told
    sent = await commands(world.redis) - before
    told.update({name: calls for name, calls in sent.items() if name in SENT_BY_CLIENTS})


async def test_one_event_is_one_round_trip(producer: Producer, world: World) -> None:
    """The connection is made at the first, which may also have to hand over the script."""
    producer.enqueue("event-api", account="1", event=conversion())
    sent = await cost(world, lambda: producer.enqueue("event-api", account="1", event=conversion()))
    assert sent == {"evalsha": 1}


async def test_a_second_producer_of_the_process_sends_nothing_but_the_event(
    producer: Producer, redis_server: EmbeddedRedis, world: World
) -> None:
    """On the connection of the first; and once asks for the terms that all keep to."""
    producer.enqueue("event-api", account="1", event=conversion())
    fresh = Producer(
        BufferSettings(redis_server.url, world.slot.namespace, enqueue_budget_ms=5_000),
        dict.fromkeys(DESTINATIONS, CAPS),
    )
    assert await cost(world, lambda: fresh.enqueue("event-api", account="1", event=conversion())) == {"evalsha": 1}
    fresh.close()


async def test_many_events_are_one_round_trip_a_chunk_and_keep_their_order(producer: Producer, world: World) -> None:
    producer.enqueue("event-api", account="2", event=conversion())
    ids = [f"e{number}" for number in range(2 * CHUNK_EVENTS + 1)]
    results: list[Result] = []
    sent = await cost(world, lambda: results.extend(producer.enqueue_many(line(id_) for id_ in ids)))
    assert sent == {"evalsha": 3}
    assert results == [Result(id_, None, Fate.BUFFERED) for id_ in ids]
    await world.check()
    assert (await stored_ids(world))[1:] == ids


async def test_large_events_travel_in_smaller_chunks(producer: Producer, world: World) -> None:
    producer.enqueue("event-api", account="1", event=conversion())
    large = [line(metaData=[{"name": "n", "value": "x" * 60_000}]) for _ in range(40)]
    sent = await cost(world, lambda: producer.enqueue_many(large))
    assert 3 <= sent["evalsha"] <= 4
    await world.check()
    assert (await world.picture()).ledger["accepted"] == 41


async def test_each_of_many_has_its_own_result_in_its_place(producer: Producer, world: World) -> None:
    lines = [
        line("a"),
        {"no": "line"},
        line("b", account="2"),
        line("c", wrong=1),
        line("d"),
        {**line(), "destination": "x"},
    ]
    results = producer.enqueue_many(lines)
    assert [result.id for result in results] == ["a", "", "b", "", "d", ""]
    assert [type(result.error) for result in results[1::2]] == [InvalidEvent] * 3
    assert [result.error for result in results[::2]] == [None] * 3
    await world.check()
    assert sorted(await stored_ids(world)) == ["a", "b", "d"]


async def test_nothing_to_enqueue_costs_nothing(producer: Producer, world: World) -> None:
    assert producer.enqueue_many([]) == []
    assert not (await world.picture()).keys


async def test_an_event_as_large_as_a_request_may_be_goes_alone(redis_server: EmbeddedRedis, world: World) -> None:
    """And one byte more is refused while the caller can still act."""
    caps = BatchSettings(max_events=100, max_bytes=1_000)
    small = Producer(
        BufferSettings(redis_server.url, world.slot.namespace, enqueue_budget_ms=5_000),
        dict.fromkeys(DESTINATIONS, caps),
    )
    time = "2026-11-20T00:00:00.000Z"

    def padded(value: int, id_: str = "x") -> dict[str, Any]:
        return conversion(clientEventId=id_, eventTime=time, metaData=[{"name": "n", "value": "v" * value}])

    fits = max(n for n in range(700, 1_000) if _accepted(small, padded(n)))
    with pytest.raises(InvalidEvent, match="makes a request of 1001 bytes alone"):
        small.enqueue("event-api", account="1", event=padded(fits + 1))
    for id_ in "xy":
        small.enqueue("event-api", account="1", event=padded(fits, id_))
    small.close()
    await world.check()
    assert [batch.events for batch in (await world.picture()).batches.values()] == [1, 1]


def _accepted(producer: Producer, event: dict[str, Any]) -> bool:
    try:
        producer.check({"destination": "event-api", "account": "1", "event": event})
    except InvalidEvent:
        return False
    return True


async def test_another_number_of_shards_is_refused_whatever_the_account(
    producer: Producer, redis_server: EmbeddedRedis, prefix: str
) -> None:
    """Else part of the accounts would wait in a shard that no worker looks at."""
    producer.enqueue("event-api", account="1", event=conversion())
    sharded = Producer(
        BufferSettings(redis_server.url, prefix, shards=2, enqueue_budget_ms=5_000), dict.fromkeys(DESTINATIONS, CAPS)
    )
    accounts = [str(number) for number in range(8)]
    results = sharded.enqueue_many(line(account=account) for account in accounts)
    sharded.close()
    assert [account for account, result in zip(accounts, results, strict=True) if result.error is None] == []
    assert all("FORWARDER_SHARDS" in str(result.error) for result in results)


async def test_another_layout_is_refused_in_words(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its events would lie under keys that no worker of the other version looks at."""
    producer.enqueue("event-api", account="1", event=conversion())
    monkeypatch.setattr("producers.keys.LAYOUT", LAYOUT + 1)
    monkeypatch.setattr("producers.append.LAYOUT", LAYOUT + 1)
    with pytest.raises(EnqueueFailed, match=f"layout {LAYOUT}"):
        producer.enqueue("event-api", account="1", event=conversion())
