"""The Celery app: `celery -A worker worker -E`, `celery -A worker flower`. Celery carries work, never an event.

A message only says that a slot has work that is due; the events stay in Redis, where a lost or doubled message cannot
touch them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import celery
from celery.app.amqp import AMQP
from celery.signals import (
    celeryd_init,
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)

from producers.destinations import DESTINATIONS
from producers.errors import ConfigurationError
from worker import logs, tasks
from worker.broker.broker import broker
from worker.broker.connection import BrokerConnection
from worker.broker.queues import task_queues
from worker.intake.step import IntakeStep
from worker.lifecycle.consumer_step import ConsumerStep
from worker.lifecycle.dispatch import DispatchStep
from worker.lifecycle.start_check import refuse_unusable
from worker.lifecycle.stop_step import StopStep
from worker.lifecycle.stopping import STOPPING
from worker.names import replay_name, task_name
from worker.operating.unpark import UnparkStep
from worker.process import close_process, open_process
from worker.settings import load_settings, longest_task_s

Made = TypeVar("Made")


def _or_exit(made: Callable[[], Made]) -> Made:
    """A faulty setting is a line to read, not a traceback."""
    try:
        return made()
    except ConfigurationError as error:
        raise SystemExit(f"forwarder: {error}") from None


SETTINGS = _or_exit(load_settings)
STOPPING.timeout_s = SETTINGS.worker.shutdown_timeout_s
BROKER = _or_exit(
    lambda: broker(
        SETTINGS.broker_url,
        global_keyprefix=f"{SETTINGS.buffer.key_prefix}:celery:",
        visibility_timeout=3_600,
        unacked_restore_interval=2,
    )
)


class Amqp(AMQP):  # type: ignore[misc]
    """Celery's way to the broker, over a connection that comes back soon."""

    Connection = BrokerConnection
    BrokerConnection = BrokerConnection


NO_FIXUPS: list[str] = []  # a shop that names its Django settings in the environment does not mean this worker
app = celery.Celery("forwarder", broker=BROKER.hostname, amqp=Amqp, fixups=NO_FIXUPS)
app.conf.update(
    broker_transport_options=BROKER.transport_options,
    broker_use_ssl=BROKER.ssl,
    broker_channel_error_retry=True,  # a Redis that is full or became a replica answers with errors, for a time
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_heartbeat=20,  # AMQP's: a broker that hangs is noticed in twice the time
    task_queues=task_queues(SETTINGS.broker_url),
    task_default_queue=task_name(next(iter(DESTINATIONS))),
    task_routes={
        each: {"queue": task_name(name)} for name in DESTINATIONS for each in (task_name(name), replay_name(name))
    },
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_time_limit=longest_task_s(SETTINGS),
    task_publish_retry=False,
    worker_consumer="worker.lifecycle.consumer:Consumer",
    worker_prefetch_multiplier=1,
    worker_send_task_events=True,
    task_send_sent_event=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
)
tasks.register(app, SETTINGS)
app.steps["worker"].update((DispatchStep, IntakeStep, UnparkStep, StopStep))
app.steps["consumer"].add(ConsumerStep)


def _set_up_logging(**_kwargs: Any) -> None:
    logs.configure(SETTINGS.log_level, SETTINGS.log_format)


def _check(instance: Any, **_kwargs: Any) -> None:
    _set_up_logging()  # Celery warns before it asks for it
    instance.quiet = True  # its banner is no log line
    refuse_unusable(SETTINGS)


def _open(**_kwargs: Any) -> None:
    """Hundreds of requests under way look to the collector like memory that grows: it looked through them, and through
    all that Celery brings, for a tenth of what a request costs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20)
    open_process(SETTINGS)


def _close(**_kwargs: Any) -> None:
    close_process()


def _stop(**_kwargs: Any) -> None:
    """In the signal handler of the main process: nothing here may wait."""
    STOPPING.ask()


celeryd_init.connect(_check, weak=False)
setup_logging.connect(_set_up_logging, weak=False)
worker_process_init.connect(_open, weak=False)
worker_process_shutdown.connect(_close, weak=False)
worker_shutting_down.connect(_stop, weak=False)

if "flower.command" in sys.modules:  # Celery's command line has loaded Flower's: nobody gets it without a login
    from worker.flower.guard import guard

    guard()
