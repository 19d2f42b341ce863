"""For how long due work has gone unclaimed, from what the scripts leave in Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from producers.keys import Slot
from worker.connection.client import sync_redis
from worker.lifecycle.health import look
from worker.stack.redis_server import EmbeddedRedis

Unclaimed = Callable[..., float | None]


@pytest.fixture
def unclaimed(redis_server: EmbeddedRedis, prefix: str) -> Iterator[Unclaimed]:
    """Seconds, if some account is due since `due` s; `meta`: fields of the slot, in seconds from now."""
    redis, slot = sync_redis(redis_server.url), Slot(prefix, "event-api", 0)

    def ask(due: float, **meta: float) -> float | None:
        now = int(redis.time()[0]) * 1_000
        redis.delete(slot.key("meta"))
        redis.zadd(slot.key("accounts"), {"head": now - due * 1_000, "next": now - due * 1_000 + 5_000})
        for name, seconds in meta.items():
            redis.hset(slot.key("meta"), name, str(now + round(seconds * 1_000)))
        found = look(redis, prefix, [slot]).unclaimed
        return found[0].seconds if found else None

    yield ask
    redis.close()


def test_without_any_claim_it_is_the_time_since_the_head_of_the_line_is_due(unclaimed: Unclaimed) -> None:
    assert 40 <= (unclaimed(40) or 0) < 45


def test_a_claim_since_then_counts_from_itself(unclaimed: Unclaimed) -> None:
    """A backlog that is worked off has a head that is long due."""
    assert 7 <= (unclaimed(4_000, claimed_at=-7) or 0) < 12


def test_what_is_not_due_yet_is_not_unclaimed(unclaimed: Unclaimed) -> None:
    assert unclaimed(-60, claimed_at=-100) is None


@pytest.mark.parametrize("bar", ["circuit_until", "next_at"])
def test_what_may_not_be_claimed_yet_is_not_unclaimed(unclaimed: Unclaimed, bar: str) -> None:
    """The circuit is open, or the rate for all accounts together leaves no place."""
    assert unclaimed(40, **{bar: 60}) is None
    assert 3 <= (unclaimed(40, **{bar: -3}) or 0) < 8


def test_a_paused_destination_is_nobodys_fault(unclaimed: Unclaimed) -> None:
    assert unclaimed(40, paused=-40) is None
