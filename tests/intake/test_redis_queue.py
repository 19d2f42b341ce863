"""The scripts of the queue: a message is in one place at every instant, and its order is kept."""

from __future__ import annotations

import json
import threading
from importlib.resources import files
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from tests.conftest import Environment
from tests.intake.support import Shop
from worker.intake import redis_queue
from worker.intake.redis_queue import Counts, RedisQueue

SCRIPTS = [Path(str(file)) for file in files("worker.intake").joinpath("lua").iterdir()]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_head_of_a_script_describes_its_keys_and_arguments(script: Path) -> None:
    text = script.read_text("utf-8")
    assert text.startswith("#!lua flags=")
    assert "-- KEYS  " in text
    assert "-- ARGV  " in text


def test_the_oldest_messages_are_taken_in_their_order(shop: Shop) -> None:
    shop.push(b"a", b"b", b"c")
    assert shop.queue.take("one", most=2) == [b"a", b"b"]
    assert shop.queue.count() == Counts(waiting=1, taken=2)


def test_the_highest_priority_comes_first_and_comes_back_to_its_place(shop: Shop) -> None:
    """Kombu's own order: 0 is the highest, and steps of three share a list."""
    for priority in (9, 5, 0, 3, 7, 1):
        shop.send({}, priority=priority)
    in_kombus_order = [0, 1, 5, 3, 7, 9]
    assert _priorities(shop.queue.take("one")) == in_kombus_order
    shop.queue.end("one", [])
    assert _priorities(shop.queue.take("two")) == in_kombus_order


def _priorities(messages: list[bytes]) -> list[int]:
    return [json.loads(raw)["properties"]["priority"] for raw in messages]


def test_a_take_ends_when_its_bytes_are_reached(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message that reaches them is the last, so that one that is larger alone does not stay for ever."""
    monkeypatch.setattr(redis_queue, "MOST_BYTES", 100)
    shop.push(b"x" * 60, b"y" * 1_000, b"z")
    assert [len(raw) for raw in shop.queue.take("one")] == [60, 1_000]
    assert shop.queue.take("two") == [b"z"]


def test_a_take_that_is_asked_for_twice_gives_the_same_and_moves_no_more(shop: Shop) -> None:
    """Its answer may have been lost."""
    shop.push(b"a", b"b", b"c")
    assert shop.queue.take("one", most=2) == shop.queue.take("one", most=2) == [b"a", b"b"]
    assert shop.queue.count() == Counts(waiting=1, taken=2)


def test_what_is_not_done_goes_back_to_the_head_in_its_order(shop: Shop) -> None:
    shop.push(*b"a b c d e f".split())
    shop.queue.take("one", most=4)
    assert shop.queue.end("one", [1]) == 3
    assert shop.queue.take("two") == b"a c d e f".split()


def test_a_take_that_is_ended_twice_removes_nothing_of_the_next(shop: Shop) -> None:
    shop.push(b"a", b"b")
    shop.queue.take("one", most=1)
    assert shop.queue.end("one", [0]) == 0
    shop.queue.take("two", most=1)
    assert shop.queue.end("one", [0]) == 0
    assert shop.queue.count() == Counts(waiting=0, taken=1)


def test_a_lease_that_is_not_over_keeps_the_messages(shop: Shop) -> None:
    shop.push(b"a")
    shop.queue.take("one")
    assert shop.queue.restore() == 0
    assert shop.queue.count() == Counts(waiting=0, taken=1)


def test_what_was_taken_comes_back_when_the_lease_is_over_oldest_first(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.push(*b"a b c d e f g".split())
    monkeypatch.setattr(redis_queue, "LEASE_MS", 0)
    for name in ("z", "y", "x"):  # the order of the takes, not of their names
        shop.queue.take(name, most=2)
    assert shop.queue.restore() == 6
    assert shop.queue.take("again") == b"a b c d e f g".split()
    assert shop.queue.end("x", [0, 1]) == 0, "whoever was too late removes nothing"
    assert shop.queue.count() == Counts(waiting=0, taken=7)


def test_readers_at_the_same_time_take_and_give_back_each_message_once(shop: Shop, env: Environment) -> None:
    """Some takes end, some lapse; whoever comes by gives those back. No message is seen twice at a time or lost."""
    shop.push(*(b"%d" % number for number in range(2_000)))
    done: list[bytes] = []

    def work(worker: int) -> None:
        queue = RedisQueue(Redis.from_url(env["FORWARDER_REDIS_URL"]), shop.keys)
        for turn in range(10_000):
            taken = queue.take(f"{worker}.{turn}", most=37)
            if not taken and queue.count() == Counts(0, 0):
                return
            if turn % 3:
                done.extend(taken[::2])
                queue.end(f"{worker}.{turn}", range(0, len(taken), 2))
            else:
                shop.redis.zadd(shop.keys.takes, {f"{worker}.{turn}": 1}, xx=True)  # as if its worker had died
                queue.restore()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done, key=int) == [b"%d" % number for number in range(2_000)]


def test_the_queue_can_be_emptied_when_redis_is_out_of_memory(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would stay out of memory."""
    shop.push(*b"a b c d".split())
    shop.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(ResponseError):
            shop.push(b"e")
        assert shop.queue.take("one", most=2) == [b"a", b"b"]
        assert shop.queue.end("one", [0]) == 1
        monkeypatch.setattr(redis_queue, "LEASE_MS", 0)
        shop.queue.take("two", most=1)
        assert shop.queue.restore() == 1
        assert shop.queue.count() == Counts(waiting=3, taken=0)
    finally:
        shop.redis.config_set("maxmemory", 0)


def test_a_key_of_another_type_is_an_error_before_anything_moves(shop: Shop) -> None:
    shop.push(b"a")
    shop.redis.set(shop.keys.lists[3], "no list")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        shop.queue.take("one")
    assert shop.redis.llen(shop.keys.lists[0]) == 1
    assert not shop.redis.exists(shop.keys.takes, shop.keys.taken("one"))
