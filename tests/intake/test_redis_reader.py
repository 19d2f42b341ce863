"""The reader of a broker that is a Redis: patient with the buffer and with the broker, and alone with its keys."""

from __future__ import annotations

import json
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from time import time
from typing import Any

import pytest
from kombu import Connection
from redis import Redis

from tests.conftest import Environment
from tests.intake.support import Buffer, Shop, hand_over, line, names, reading
from tests.integration.support import eventually
from worker.broker.broker import is_redis
from worker.intake.broker import opened
from worker.intake.hand_over import Outcome
from worker.intake.redis_queue import Counts
from worker.intake.redis_reader import RedisReader
from worker.stack.redis_server import EmbeddedRedis

EMPTY = Counts(waiting=0, taken=0)


@pytest.mark.parametrize(
    ("url", "redis"),
    [
        ("redis://127.0.0.1:1/0", True),
        ("rediss://127.0.0.1:1/0", True),
        ("redis+socket:///run/redis.sock", True),
        ("unix:///run/redis.sock", True),
        ("sentinel://127.0.0.1:1", True),
        ("amqp://127.0.0.1", False),
        ("memory://", False),
    ],
)
def test_the_broker_is_known_by_its_url(url: str, redis: bool) -> None:
    assert is_redis(url) == redis


@pytest.mark.parametrize("scheme", ["unix", "redis+socket"])
def test_a_broker_is_reached_over_a_socket_in_the_file_system(tmp_path: Path, scheme: str) -> None:
    socket = tmp_path / "redis.sock"
    with (
        EmbeddedRedis(tmp_path / "socketed", options={"unixsocket": str(socket)}),
        opened(f"{scheme}://{socket}") as broker,
    ):
        assert broker.redis.ping()


def test_what_kombu_sends_comes_out_once_and_in_order(shop: Shop, buffer: Buffer, env: Environment) -> None:
    shop.send(*(line(name) for name in names(1_200)))
    with reading(env):
        eventually(lambda: shop.queue.count() == EMPTY)
    assert buffer.ids() == names(1_200)
    assert not [key for key in shop.redis.keys("*") if b".intake." in key], "nothing is left behind"


def test_a_message_that_is_published_to_the_queue_by_its_name_comes_too(
    shop: Shop, buffer: Buffer, env: Environment
) -> None:
    """As Celery-style code does it: through the default exchange, with a priority or without."""
    with Connection(env["FORWARDER_REDIS_URL"]) as connection, connection.Producer() as producer:
        producer.publish(line("e0"), routing_key=shop.keys.lists[0], retry=True)
        producer.publish(line("e1"), routing_key=shop.keys.lists[0], priority=6, compression="bzip2")
    with reading(env):
        eventually(lambda: shop.queue.count() == EMPTY)
    assert buffer.ids() == ["e0", "e1"]


def test_while_the_buffer_refuses_all_stay_in_the_queue_and_none_is_doubled(
    shop: Shop, buffer: Buffer, env: Environment
) -> None:
    """No dead letter either: it is not the events' fault."""
    shop.send(*(line(name) for name in names(700)))
    shop.redis.config_set("maxmemory", 1)
    refusals = Watching(env)
    with refusals.reading():
        refusals.wait_for(3)
        shop.redis.config_set("maxmemory", 0)
        eventually(lambda: shop.queue.count() == EMPTY)
    assert refusals.sizes[:3] == [500, 1, 1], "one at a time, as a trial"
    assert buffer.ids() == names(700)
    assert buffer.letters() == []


def test_while_the_buffer_is_away_all_stay_in_the_queue(
    shop: Shop, buffer: Buffer, env: Environment, tmp_path: Path
) -> None:
    """A buffer on a Redis of its own, and so are its dead letters: those that are invalid wait too."""
    shop.send(line("e0"), "no line", line("e1"))
    broker_url = env["FORWARDER_REDIS_URL"]
    with EmbeddedRedis(tmp_path / "buffer") as other:
        env["FORWARDER_REDIS_URL"] = other.url
        other.kill()
        watching = Watching(env, broker_url)
        with watching.reading():
            watching.wait_for(2)
            eventually(lambda: shop.queue.count() == Counts(waiting=3, taken=0))
            other.restart()
            eventually(lambda: shop.queue.count() == EMPTY)
        there = Buffer(Redis.from_url(other.url), env["FORWARDER_KEY_PREFIX"])
        assert there.ids() == ["e0", "e1"]
        assert [raw for raw, _ in there.letters()] == [b"no line"]
    assert buffer.ids() == []


def test_a_broker_that_is_away_between_append_and_removal_doubles_nothing(
    shop: Shop, env: Environment, own_redis: EmbeddedRedis
) -> None:
    """The reader knows what is done, and says so when the broker is back."""
    shop.send(*(line(name) for name in names(20)))
    handed: list[list[str]] = []

    def into_memory(messages: Any) -> Outcome:
        handed.append([message.line.event["clientEventId"] for message in messages])
        if len(handed) == 1:
            own_redis.kill()
            own_redis.start()
        return Outcome(list(range(15)) if len(handed) == 1 else list(range(len(messages))))

    reader = RedisReader(env["FORWARDER_REDIS_URL"], env["FORWARDER_KEY_PREFIX"], into_memory)  # type: ignore[arg-type]
    with reading(env, reader=reader):
        eventually(lambda: sum(map(len, handed)) >= 25 and shop.queue.count() == EMPTY)
    assert handed[0] == names(20)
    assert [name for some in handed[1:] for name in some] == names(5, first=15)


def test_two_readers_take_each_message_once(shop: Shop, buffer: Buffer, env: Environment) -> None:
    with reading(env), reading(env), reading(env):
        for start in range(0, 3_000, 100):
            shop.send(*(line(name) for name in names(100, start)))
        eventually(lambda: shop.queue.count() == EMPTY)
    assert sorted(buffer.ids()) == sorted(names(3_000))


def test_what_kombus_transport_had_noted_before_goes_back_to_the_queue(
    shop: Shop, buffer: Buffer, env: Environment
) -> None:
    """From before the queue had a reader of its own. What a worker of then may still be at stays for now."""
    shop.send(*(line(name) for name in names(4)))
    unacked, index = shop.keys.noted
    for tag, age in (("t0", 100), ("t1", 50), ("t2", 1)):
        raw: Any = shop.redis.rpop(shop.keys.lists[0])
        shop.redis.hset(unacked, tag, json.dumps([json.loads(raw), "no longer there", "gone"]))
        shop.redis.zadd(index, {tag: time() - age})
    shop.redis.zadd(index, {"acknowledged meanwhile": time() - 100})
    with reading(env):
        eventually(lambda: shop.queue.count() == Counts(waiting=0, taken=1))
    assert buffer.ids() == ["e0", "e1", "e3"]
    assert shop.redis.hkeys(unacked) == [b"t2"]
    assert shop.redis.zrange(index, 0, -1) == [b"t2"]


class Watching:
    """A reader whose takes are watched: how many messages each handed over."""

    def __init__(self, env: Environment, broker_url: str = "") -> None:
        self.sizes: list[int] = []
        self._env = env
        self._more = threading.Condition()
        self._through = hand_over(env)
        broker_url = broker_url or env["FORWARDER_REDIS_URL"]
        self._reader = RedisReader(broker_url, env["FORWARDER_KEY_PREFIX"], self._hand_over)  # type: ignore[arg-type]

    def reading(self) -> AbstractContextManager[None]:
        return reading(self._env, reader=self._reader)

    def wait_for(self, refusals: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.sizes) >= refusals, timeout=30)

    def _hand_over(self, messages: Any) -> Outcome:
        outcome = self._through(messages)
        if messages:
            with self._more:
                self.sizes.append(len(messages))
                self._more.notify_all()
        return outcome
