"""Settling a batch as a whole: delivered, dead, or again. Or refused, because its numbers do not add up."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from tests.buffer.support import World, death, event, events, part, settlement, whole
from worker.buffer.batches import Batch, Part, Settled, Settlement


@pytest.fixture
async def batch(world: World) -> Batch:
    """Four events of an order key, claimed."""
    await world.append(*events(4, order="o"))
    world.later(world.linger_ms)
    return await world.claim_one()


async def test_a_delivered_batch_leaves_nothing_behind(world: World, batch: Batch) -> None:
    assert await world.deliver(batch)
    picture = await world.picture()
    assert picture.ledger["delivered"] == 4
    assert set(picture.keys) == {"meta", "ledger", "account"}


async def test_a_dead_batch_leaves_a_letter_an_event(world: World, batch: Batch) -> None:
    assert await world.kill(batch)
    picture = await world.picture()
    assert (picture.ledger["dead"], len(picture.letters)) == (4, 4)
    assert not picture.batches
    assert not picture.lists


async def test_a_letter_keeps_the_account_the_order_key_and_the_kind(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1", "acme", "list", "include"))
    await world.kill(await world.claim_one(), "Unsubscribed")
    (letter,) = (await world.picture()).letters.values()
    kept = {name: letter[name] for name in ("account", "order", "kind", "id", "code")}
    assert kept == {"account": b"acme", "order": b"list", "kind": b"include", "id": b"1", "code": b"Unsubscribed"}


async def test_a_batch_sent_again_keeps_its_id_and_its_events_and_is_due_after_the_delay(
    world: World, batch: Batch
) -> None:
    assert await world.settle(batch, whole(batch, delay_ms=500))
    assert (await world.picture()).ledger["waiting"] == 4
    world.later(499)
    assert (await world.claim()).batches == []
    world.later(1)
    again = await world.claim_one()
    assert again == batch._replace(attempts=2, tried_for=500, token=again.token)


async def test_a_refunded_attempt_is_not_counted(world: World, batch: Batch) -> None:
    assert await world.settle(batch, whole(batch, refund=True))
    assert (await world.claim_one()).attempts == 1


async def test_a_renewed_batch_is_another_one_with_no_attempts_spent(world: World, batch: Batch) -> None:
    """In the same place: a request that must not be taken for the one before."""
    await world.append(event("behind", order="o"))
    assert await world.settle(batch, whole(batch)._replace(renewed=True))
    again = await world.claim_one()
    assert (again.id == batch.id, again.attempts, again.source) == (False, 1, batch.source)
    assert not await world.deliver(batch)
    assert await world.deliver(again)
    assert await world.drain() == [["behind"]]


async def test_an_order_key_waits_behind_its_first_batch(world: World, batch: Batch) -> None:
    """What comes after a batch that waits for its retry does not overtake it."""
    await world.append(event("behind", order="o"))
    await world.settle(batch, whole(batch, delay_ms=10_000))
    world.later(9_999)
    assert (await world.claim()).batches == []
    assert await world.drain() == [["e0", "e1", "e2", "e3"], ["behind"]]


async def test_the_next_of_an_order_key_steps_forward_with_its_own_due_time(world: World, batch: Batch) -> None:
    await world.append(event("next", order="o"))
    world.later(10)
    await world.deliver(batch)
    claimed = await world.claim()
    assert (claimed.batches, claimed.next_due) == ([], world.now - 10 + world.linger_ms)


async def test_another_account_is_not_touched_by_a_retry(world: World, batch: Batch) -> None:
    await world.append(event("1", "other"))
    world.later(world.linger_ms)
    await world.settle(batch, whole(batch, delay_ms=10_000))
    assert [one.account for one in (await world.claim()).batches] == ["other"]


def refusals(batch: Batch, stored: list[bytes]) -> dict[str, Settlement]:
    one, all_ = death(stored[0]), Part(0, 3, 160, 0)
    return {
        "too few": Settlement(3),
        "too many": Settlement(5),
        "none": Settlement(0),
        "one delivered besides all dead": Settlement(1, tuple(map(death, stored))),
        "one dead besides all again": Settlement(0, (one,), (all_,)),
        "a part beyond the end": Settlement(0, again=(Part(1, 4, 160, 0),)),
        "a part before the beginning": Settlement(0, again=(Part(-1, 2, 160, 0),)),
        "a part that ends before it begins": Settlement(5, again=(Part(2, 0, 0, 0),)),
        "a part that is no number": Settlement(0, again=(Part("a", "b", 160, 0),)),  # type: ignore[arg-type]
        "a delay that is no number": Settlement(0, again=(Part(0, 3, 160, "soon"),)),  # type: ignore[arg-type]
        "more delivered than can be, less than none dead": Settlement(-1, (*map(death, stored), one)),
        "parts that overlap": Settlement(0, again=(part(batch, stored, 0, 1), part(batch, stored, 0, 1))),
        "parts out of order": Settlement(0, again=(part(batch, stored, 2, 3), part(batch, stored, 0, 1))),
        "a size that is no number": Settlement(0, again=(Part(0, 1, "large", 0), Part(2, 3, "large", 0))),  # type: ignore[arg-type]
    }


ANY = Batch("", "", "", "", "", 0, 3, 4, 160, 0, 0, 1, 0, 0, 0, 0, "")


@pytest.mark.parametrize("fault", refusals(ANY, [event("e").stored] * 4))
async def test_numbers_that_do_not_add_up_are_refused_and_change_nothing(
    world: World, batch: Batch, fault: str
) -> None:
    """The batch stays in flight, and its right settlement is taken afterwards."""
    wrong = refusals(batch, await world.read(batch))[fault]
    before = await world.picture()
    with pytest.raises(ResponseError):
        await world.settle(batch, wrong)
    assert await world.picture() == before
    assert await world.deliver(batch)


async def test_a_refused_settlement_does_not_spoil_those_beside_it(world: World) -> None:
    world.linger_ms = 0
    await world.append(event("1", "a"), event("2", "b"), event("3", "c"))
    ended = [(batch, Settlement(1)) for batch in (await world.claim()).batches]
    ended[1] = (ended[1][0], Settlement(7))
    settled, claimed = await world.settle_and_claim(ended, 10)
    assert [settled[0], settled[2]] == [Settled.DONE, Settled.DONE]
    assert "do not add up" in str(settled[1])
    assert claimed.batches == []


async def test_after_the_last_settle_of_everything_no_key_of_any_batch_is_left(world: World) -> None:
    world.cap_events = 4
    for account in ("a", "b"):
        await world.append(
            *events(10, account), *events(10, account, order="o"), *events(3, account, order="o", kind="k")
        )
    ends = ["ddxa", "aaaa", "abab", "xdxd", "dddd"]
    for round_ in range(4):
        world.later(world.linger_ms)
        for place, batch in enumerate((await world.claim()).batches):
            wanted = ends[(place + round_) % len(ends)][: batch.events]
            await world.settle(batch, settlement(batch, await world.read(batch), wanted))
    await world.drain()
    picture = await world.picture()
    assert picture.ledger["delivered"] + picture.ledger["dead"] == 46
    letters = {"letter", "dead", "dead_ids", "dead_counts", "dead_of", "dead_expires"}
    assert set(picture.keys) <= {"meta", "ledger", "account", "latest", *letters}
    assert {account: fields["queued"] for account, fields in picture.hashes.items()} == {"a": "0", "b": "0"}
