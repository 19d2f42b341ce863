"""Many settlements in one call leave what they leave one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count, cycle
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from producers.keys import Slot
from tests.buffer.invariants import check
from tests.buffer.support import World, event, settlement, whole
from worker.buffer import buffer as buffers
from worker.buffer.batches import Batch, Bounds, Limits, Noted, Settled, Settlement, Verdict
from worker.buffer.calls import fetch
from worker.connection.client import with_redis
from worker.stack.redis_server import EmbeddedRedis

BOUNDS = Bounds(failures=3, most_dead=5, records_ms=60_000)
KINDS = (("a", "", ""), ("a", "o", "k"), ("b", "", ""), ("b", "p", ""), ("a", "q", ""), ("c", "", ""))
HASH = ("HGETALL",)
READ = {b"string": ("GET",), b"hash": HASH, b"list": ("LRANGE", 0, -1), b"zset": ("ZRANGE", 0, -1, "WITHSCORES")}
_slots = count()


class End(NamedTuple):
    """How an attempt ends. `ends`: a letter an event, in turns; `twist`: what is wrong with what is told of it."""

    ends: str
    verdict: Verdict
    delay_ms: int
    how: str
    hold_ms: int
    reached: bool
    twist: str


TAKEN = End("d", Verdict.TAKEN, 0, "", 0, True, "")
MIXED = st.builds(
    End,
    st.sampled_from(["d", "x", "a", "da", "dx", "dxab", "ab"]),
    st.sampled_from(Verdict),
    st.sampled_from([0, 500, -1]),
    st.sampled_from(["", "refund", "renew"]),
    st.sampled_from([0, 300]),
    st.booleans(),
    st.sampled_from(["", "", "", "", "stale", "malformed", "twice"]),
)
ROUNDS = st.lists(st.lists(st.one_of(st.just(TAKEN), MIXED), min_size=1, max_size=12), min_size=2, max_size=4)


async def ended(world: World, end: End, batch: Batch) -> list[tuple[Batch, Settlement]]:
    stored = await world.read(batch)
    letters = [letter for letter, _ in zip(cycle(end.ends), stored, strict=False)]
    told = settlement(batch, stored, letters, end.delay_ms)
    if set(letters) == {"a"}:
        told = whole(batch, end.delay_ms)
    noted = Noted(
        b'{"n":1}', 200, 40, len(stored), waited_ms=3, prints=bytes(8 * len(stored)) if len(told.again) > 1 else b""
    )
    told = told._replace(
        verdict=end.verdict,
        hold_ms=end.hold_ms,
        reason="why",
        credentials="print",
        reached=end.reached,
        refund=end.how == "refund",
        renewed=end.how == "renew",
        noted=noted,
    )
    if end.twist == "stale":
        batch = batch._replace(token="old")
    if end.twist == "malformed":
        told = told._replace(delivered=told.delivered + 1)
    return [(batch, told)] * (2 if end.twist == "twice" else 1)


async def one_by_one(world: World, told: Sequence[tuple[Batch, Settlement]]) -> list[Any]:
    outcomes: list[Any] = []
    for batch, one in told:
        try:
            outcomes.append(await world.buffer.settle(batch, one))
        except ResponseError as error:
            outcomes.append(error)
    return outcomes


async def in_one_call(world: World, told: Sequence[tuple[Batch, Settlement]]) -> list[Any]:
    return (await world.buffer.settle_and_claim(told, Limits(world.lease_ms, 0, 100)))[0]


async def dumped(world: World) -> dict[bytes, Any]:
    """Every key of the slot, and whether it ends by itself. What is due keeps its place in the line of accounts or goes
    behind what is due now: either is right."""
    base = world.slot.base.encode()
    keys = sorted(await world.redis.keys(base + b"*"))
    reads = [READ[kind] for kind in await fetch(world.redis, [("TYPE", key) for key in keys])]
    values = await fetch(world.redis, [(read[0], key, *read[1:]) for read, key in zip(reads, keys, strict=True)])
    ends = await fetch(world.redis, [("PTTL", key) for key in keys])
    found = {}
    for key, read, value, ends_in in zip(keys, reads, values, ends, strict=True):
        if len(read) == 4 or read == HASH:
            value = dict(zip(value[::2], value[1::2], strict=True))
        if key == base + b"accounts":
            value = {name: max(float(score), world.now) for name, score in value.items()}
        found[key.removeprefix(base)] = (value, ends_in > 0)
    return found


async def same_either_way(url: str, prefix: str, rounds: Sequence[Sequence[End]]) -> None:
    async def both(redis: Any) -> None:
        slots = [Slot(f"{prefix}-{next(_slots)}", "event-api", 0) for _ in range(2)]
        alone, together = (
            World(redis, slot, bounds=BOUNDS, linger_ms=0, cap_events=4, checked=False) for slot in slots
        )
        together.now = alone.now
        for number, ends in enumerate(rounds):
            for world in (alone, together):
                world.later(700)
                names = (f"{number}-{place}" for place in range(30))
                await world.append(*(event(name, *kind) for name, kind in zip(names, cycle(KINDS), strict=False)))
            claims = [(await world.claim(30)).batches for world in (alone, together)]
            assert claims[0] == claims[1]
            told = [
                each
                for end, batch in zip(cycle(ends), claims[0], strict=False)
                for each in await ended(alone, end, batch)
            ]
            one, other = await one_by_one(alone, told), await in_one_call(together, told)
            assert list(map(str, one)) == list(map(str, other))
            assert await dumped(alone) == await dumped(together)
        check(await together.picture(), together.now)

    await with_redis(url, both)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rounds=ROUNDS)
def test_a_list_of_settlements_leaves_the_same_as_each_of_them_alone(
    redis_server: EmbeddedRedis, prefix: str, rounds: list[list[End]]
) -> None:
    """Whatever they say of accounts and circuit, and whatever of them is malformed, too late or told twice."""
    with pytest.MonkeyPatch.context() as patched:
        for place in ("tests.buffer.support", "producers.append", "worker.buffer.buffer"):
            patched.setattr(f"{place}.epoch", lambda: "abcdef")
        patched.setattr("secrets.token_hex", lambda _: "token")
        asyncio.run(same_either_way(redis_server.url, prefix, rounds))


@pytest.mark.parametrize("most", [("MOST_AT_ONCE", 3), ("MOST_ARGS", 20), ("MOST_BYTES", 1)])
async def test_more_than_a_call_may_hold_are_settled_in_several(
    world: World, most: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, each with its own answer."""
    world.linger_ms, world.cap_events = 0, 1
    await world.append(*(event(str(number)) for number in range(10)))
    batches = (await world.claim()).batches
    told = [(batch, Settlement(1, verdict=Verdict.TAKEN)) for batch in batches]
    told[4] = (batches[4], Settlement(2))
    told[7] = (batches[7]._replace(token="old"), told[7][1])
    told[8] = (batches[8], settlement(batches[8], await world.read(batches[8]), "x"))
    monkeypatch.setattr(buffers, *most)
    settled, claimed = await world.settle_and_claim(told, 10)
    kinds = [outcome if isinstance(outcome, Settled) else "refused" for outcome in settled]
    done = Settled.DONE
    assert kinds == [done, done, done, done, "refused", done, done, Settled.STALE, done, done]
    assert claimed.batches == []
    picture = await world.picture()
    assert (picture.ledger["delivered"], picture.ledger["dead"], picture.ledger["in_flight"]) == (7, 1, 2)


@pytest.mark.parametrize("how", ["gone", "no number"])
@pytest.mark.parametrize(
    ("field", "ends"),
    [
        *((field, "d") for field in ("events", "bytes", "opened")),
        *((field, "da") for field in ("bytes", "opened", "attempts", "oldest", "newest")),
    ],
)
async def test_a_batch_that_is_damaged_in_redis_spoils_no_other(world: World, field: str, ends: str, how: str) -> None:
    """Of it nothing is changed; before and behind it all is as if it were not there."""
    world.cap_events, world.linger_ms = 2, 0
    await world.append(*(event(f"e{n}", order=f"s{n // 2}") for n in range(12)))
    batches = (await world.claim()).batches
    told = []
    for batch in batches:
        stored = await world.read(batch)
        told.append((batch, settlement(batch, stored, [end for _, end in zip(stored, cycle(ends), strict=False)])))
    world.checked, key = False, f"{world.slot.key('batch')}:{batches[2].id}"
    await (world.redis.hdel(key, field) if how == "gone" else world.redis.hset(key, field, "x"))
    before = await dumped(world)
    settled, _ = await world.settle_and_claim(told, 0)
    assert [place for place, outcome in enumerate(settled) if outcome != Settled.DONE] == [2]
    assert "damaged" in str(settled[2])
    after = await dumped(world)
    assert {name: told for name, told in before.items() if batches[2].id.encode() in name}.items() <= after.items()
    ledger = {name: int(count) for name, count in after[b"ledger"][0].items()}
    assert (ledger[b"delivered"] + ledger.get(b"ready", 0), ledger[b"in_flight"]) == (10, 2)
