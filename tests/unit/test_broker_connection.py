"""Celery's connection to the broker comes back within a second, and a message of an old one ends no worker."""

from __future__ import annotations

import pytest
from kombu import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as Disconnected

from worker.broker.broker import broker
from worker.broker.connection import BrokerConnection
from worker.stack.ports import free_port
from worker.stack.redis_server import EmbeddedRedis


def test_it_tries_again_every_second_for_as_long_as_it_takes() -> None:
    """Celery asks for 2, 4, 6 … 30 seconds: after a minute without Redis it would sleep half a minute more."""
    intervals: list[float] = []
    connection = BrokerConnection(**broker(f"redis://127.0.0.1:{free_port()}/0")._asdict())
    with pytest.raises(OperationalError):
        connection.ensure_connection(lambda _error, interval: intervals.append(interval), max_retries=3)
    assert intervals == [1.0, 1.0, 1.0]


def test_a_publisher_that_wants_to_wait_less_waits_less() -> None:
    intervals: list[float] = []
    connection = BrokerConnection(**broker(f"redis://127.0.0.1:{free_port()}/0")._asdict())
    with pytest.raises(OperationalError):
        connection.ensure_connection(
            lambda _error, interval: intervals.append(interval), max_retries=2, interval_start=0, interval_max=0.01
        )
    assert max(intervals) <= 0.01


def test_a_message_of_a_connection_that_is_gone_cannot_end_the_worker(redis_server: EmbeddedRedis, prefix: str) -> None:
    """kombu raises an AttributeError there, which Celery takes for the end of the world; a lost connection it knows."""
    connection = BrokerConnection(**broker(redis_server.url, global_keyprefix=prefix)._asdict())
    channel = connection.channel()
    queue = Queue("late", channel=channel)
    queue.declare()
    connection.Producer(channel).publish("task", routing_key="late")
    message = queue.get(no_ack=True)  # so that closing restores nothing
    errors = connection.connection_errors
    channel.close()
    connection.collect()  # what Celery does with a connection that broke
    with pytest.raises(errors) as caught:
        message.ack()
    assert isinstance(caught.value, Disconnected)
