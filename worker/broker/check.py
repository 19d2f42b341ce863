"""Whether RabbitMQ takes us, asked once and in plain words: at a worker's start, in `up` and in `check`."""

from __future__ import annotations

from kombu.exceptions import OperationalError

from producers.errors import ConfigurationError
from worker.broker.amqp_url import shown
from worker.broker.broker import broker, is_amqp
from worker.broker.connection import BrokerConnection
from worker.broker.queues import task_queues
from worker.effects import effect

ANSWER_S = 5.0
VARIABLE = "FORWARDER_BROKER_URL"


class BrokerAway(Exception):
    """It is not reached; it may come back."""


def check_broker(broker_url: str) -> None:
    """Connects, and declares the queues of the tasks. Nothing happens where the broker is no RabbitMQ.

    Raises `ConfigurationError` for what does not mend by itself, `BrokerAway` for what may; neither tells a password.
    """
    if not is_amqp(broker_url):
        return
    connection = BrokerConnection(**broker(broker_url)._asdict(), connect_timeout=ANSWER_S)
    where = f"{VARIABLE}: {shown(broker_url)}"
    try:
        with connection.answering(ANSWER_S):
            _declare(connection, broker_url)
        connection.release()
    except connection.channel_errors as error:  # a refused login is one of them too
        raise ConfigurationError(f"{where}: {error}") from None
    except (*connection.connection_errors, OperationalError) as error:
        if getattr(error, "code", None) == 530:  # AMQP's "not allowed": no such virtual host, or not for this user
            raise ConfigurationError(f"{where}: {error}") from None
        raise BrokerAway(f"{where} is not reached: {error or type(error).__name__}") from None
    finally:
        connection.collect()


def _declare(connection: BrokerConnection, broker_url: str) -> None:
    for queue in task_queues(broker_url):
        try:
            with effect("declare queue"):
                queue(connection.default_channel).declare()
        except connection.channel_errors as error:
            if getattr(error, "code", None) != 406:
                raise
            raise ConfigurationError(
                f"{VARIABLE}: the queue {queue.name} is there and is no quorum queue. No event is in it: stop the "
                f"workers and delete it (rabbitmqctl delete_queue {queue.name}); it is made anew. ({error})"
            ) from None
