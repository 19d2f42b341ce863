"""The reader of the other brokers: a message is acknowledged when the buffer has it, and given out again if not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection
from kombu.transport.memory import Channel

from producers import EnqueueFailed
from tests.conftest import Environment
from tests.intake.support import Buffer, hand_over, line, names, reading
from tests.integration.support import eventually
from worker.intake.hand_over import Outcome
from worker.intake.kombu_reader import KombuReader

BROKER = "memory://"  # kombu's own, in place of RabbitMQ


@pytest.fixture
def queue(env: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Of a broker that gives out again what was unacknowledged at the end of a connection, as RabbitMQ does."""
    monkeypatch.setattr(Channel, "do_restore", True)
    with Connection(BROKER) as connection:
        queue = connection.SimpleQueue(f"{env['FORWARDER_KEY_PREFIX']}.events")
        yield queue
        queue.close()


def test_messages_arrive_once_and_what_is_invalid_is_kept(queue: Any, buffer: Buffer, env: Environment) -> None:
    for name in names(700):
        queue.put(line(name))
    queue.put("no line")
    queue.put(line("late"), compression="zlib")
    with reading(env, KombuReader(BROKER, env["FORWARDER_KEY_PREFIX"], hand_over(env))):
        eventually(lambda: "late" in buffer.ids())
    assert buffer.ids() == [*names(700), "late"]
    assert [raw for raw, _ in buffer.letters()] == [b"no line"]
    assert queue.qsize() == 0


def test_what_the_buffer_refused_is_given_out_again(queue: Any, buffer: Buffer, env: Environment) -> None:
    for name in names(3):
        queue.put(line(name))
    through, refused = hand_over(env), threading.Event()

    def into_buffer(messages: Any) -> Outcome:
        if refused.is_set():
            return through(messages)
        refused.set()
        done = through(messages[:1]).done
        return Outcome(done, EnqueueFailed("no answer", id="", maybe_accepted=False))

    with reading(env, KombuReader(BROKER, env["FORWARDER_KEY_PREFIX"], into_buffer)):  # type: ignore[arg-type]
        eventually(lambda: len(buffer.ids()) == 3)
    assert sorted(buffer.ids()) == names(3)
    assert queue.qsize() == 0
