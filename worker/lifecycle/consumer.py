"""Celery's consumer without what we do not use."""

from __future__ import annotations

from celery.worker import consumer

_UNUSED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class Consumer(consumer.Consumer):  # type: ignore[misc]  # Celery ships no types
    """Where queues are quorum queues Celery makes 28 exchanges and queues more, for tasks that are to run later.

    None of ours is: due times live in Redis. So they would only be clutter, and rights that a worker must have.
    """

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc]
        default_steps = [step for step in consumer.Consumer.Blueprint.default_steps if step != _UNUSED]  # noqa: RUF012
