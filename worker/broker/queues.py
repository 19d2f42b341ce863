"""The broker's queues as they are declared: on RabbitMQ quorum queues, which survive the loss of a node."""

from __future__ import annotations

from typing import Any

from kombu import Exchange, Queue

from producers.destinations import DESTINATIONS
from worker.broker.broker import is_amqp
from worker.names import task_name

QUORUM = {"x-queue-type": "quorum"}
EVENTS = {
    **QUORUM,
    # RabbitMQ 4 throws a message away that was given out twenty times, and each end of a worker counts. Before 4 there
    # is no such bound, and the -1 by which 4 spells "none" throws a message away that was given out once.
    "x-delivery-limit": 2**31 - 1,
    # If somebody bounds the queue by a policy, publishers are told so; the usual is that the oldest message goes.
    "x-overflow": "reject-publish",
}


def task_queues(broker_url: str) -> list[Any]:
    """Of the tasks, one a destination. No event is in them."""
    arguments = QUORUM if is_amqp(broker_url) else None
    exchange = Exchange("forwarder", "direct")
    return [
        Queue(task_name(name), exchange, task_name(name), durable=True, queue_arguments=arguments)
        for name in DESTINATIONS
    ]


def events_queue(broker_url: str, prefix: str) -> Any:
    """Of the events that come through the broker."""
    return Queue(f"{prefix}.events", durable=True, queue_arguments=EVENTS if is_amqp(broker_url) else None)
