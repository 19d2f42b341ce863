"""Commands that leave before those ahead of them are answered: what is known of each, whatever breaks."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from redis.exceptions import RedisError

from producers.append import APPEND
from producers.connection import Connection
from producers.connection.conversation import Asked, Conversation, Silence
from producers.connection.deadline_socket import DeadlineSocket
from producers.connection.link import Link
from producers.connection.resp import Command
from producers.scripts import Script
from tests.producers.support import frozen
from worker.connection.client import sync_redis
from worker.stack.redis_server import EmbeddedRedis

SCRIPT = Script("return ARGV[1]", "098e0f0d1448c0a81dafe820f66d460eb09263da")
SENT, UNSENT = Silence.SENT, Silence.UNSENT


class Pool:
    """Notes what becomes of the connection."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.told.append(name)


class Held(Conversation):
    """One that a test looks into."""

    def __init__(self, near: socket.socket) -> None:
        self.pool = Pool()
        given: Any = self.pool
        super().__init__(given, Link(None, DeadlineSocket(near, time.monotonic() + 1), ()))


@contextmanager
def held(answer: Callable[[socket.socket], None] = lambda _far: None) -> Iterator[Held]:
    """A conversation whose other end does this."""
    near, far = socket.socketpair()
    with near, far:
        other = threading.Thread(target=answer, args=(far,))
        other.start()
        yield Held(near)
        near.shutdown(socket.SHUT_RDWR)
        other.join()


def ask(conversation: Conversation, *texts: bytes, seconds: float = 0.2) -> Asked:
    asked = conversation.ask([Command.of([text]) for text in texts], time.monotonic() + seconds)
    conversation.send()
    return asked


def test_only_what_left_wholly_may_have_been_taken() -> None:
    """The third command is larger than all buffers between here and a Redis that reads nothing."""
    with held() as conversation:
        asked = ask(conversation, b"first", b"second", b"x" * 5_000_000, b"fourth")
        assert not conversation.send()
        assert conversation.answers(asked) == [SENT, SENT, UNSENT, UNSENT]
        assert isinstance(conversation.broken, TimeoutError)
        conversation.end()
        assert conversation.pool.told == ["drop", "suspect"]


def test_what_was_answered_before_the_connection_broke_is_known() -> None:
    def one_of_three(far: socket.socket) -> None:
        far.recv(100)
        far.sendall(b":7\r\n:8")
        far.shutdown(socket.SHUT_WR)

    with held(one_of_three) as conversation:
        assert conversation.answers(ask(conversation, b"first", b"second", b"third")) == [7, SENT, SENT]
        assert conversation.broken is not None


def test_what_was_asked_later_is_answered_later_and_breaks_with_what_was_asked_before() -> None:
    def two_of_three(far: socket.socket) -> None:
        far.recv(100)
        far.sendall(b":1\r\n:2\r\n")

    with held(two_of_three) as conversation:
        first, second, third = (ask(conversation, text) for text in (b"first", b"second", b"third"))
        assert conversation.answers(second) == [2]
        assert first.answers == [1]
        assert conversation.answers(third) == [SENT]
        assert conversation.answers(ask(conversation, b"fourth")) == [UNSENT]


def test_an_answer_that_is_there_is_read_after_the_deadline() -> None:
    came = threading.Event()

    def one(far: socket.socket) -> None:
        far.recv(100)
        far.sendall(b":1\r\n")
        came.set()

    with held(one) as conversation:
        asked = ask(conversation, b"first", seconds=0.05)
        assert came.wait(10)
        while time.monotonic() < asked.deadline:
            pass
        assert conversation.answers(asked) == [1]
        assert conversation.answers(ask(conversation, b"second", seconds=-1)) == [UNSENT]
        conversation.end()
        assert conversation.pool.told == ["give_back"]  # the budget was over, which says nothing of Redis


def test_what_comes_too_late_to_leave_costs_nobody_before_it_an_answer() -> None:
    near, far = socket.socketpair()
    with near, far:
        conversation = Held(near)
        first, second = ask(conversation, b"first"), ask(conversation, b"second")
        far.sendall(b":1\r\n")
        late = ask(conversation, b"late", b"too late", seconds=-1)
        assert (first.answers, second.missing, late.answers) == ([1], 1, [UNSENT, UNSENT])
        third = ask(conversation, b"third")
        far.sendall(b":2\r\n:3\r\n")
        assert [conversation.answers(each) for each in (second, third)] == [[2], [3]]
        assert b"late" not in far.recv(1_000)
        conversation.end()
        assert conversation.pool.told == ["give_back"]


@pytest.mark.parametrize(
    ("said", "spent", "told"),
    [
        (b"-READONLY You can't write against a read only replica.", True, ["drop", "drop_idle"]),
        (b"-LOADING Redis is loading the dataset in memory", True, ["drop"]),
        (b"-OOM command not allowed when used memory > 'maxmemory'.", False, ["give_back"]),
    ],
)
def test_a_connection_to_a_redis_that_takes_nothing_is_used_no_more(said: bytes, spent: bool, told: list[str]) -> None:
    near, far = socket.socketpair()
    with near, far:
        conversation = Held(near)
        asked = ask(conversation, b"first")
        far.sendall(said + b"\r\n")
        (answer,) = conversation.answers(asked)
        assert isinstance(answer, RedisError)
        assert conversation.spent is spent
        conversation.end()
        assert conversation.pool.told == told


def test_a_look_takes_what_has_come_and_waits_for_nothing() -> None:
    near, far = socket.socketpair()
    with near, far:
        conversation = Held(near)
        first, second = ask(conversation, b"first", b"beside"), ask(conversation, b"second")
        for said, missing in ((b"", (2, 1)), (b":1\r\n:", (1, 1)), (b"2\r\n:3", (0, 1)), (b"\r\n", (0, 0))):
            far.sendall(said)
            conversation.look()
            assert (first.missing, second.missing) == missing
        assert (first.answers, second.answers) == ([1, 2], [3])
        conversation.end()
        assert conversation.pool.told == ["give_back"]


def test_a_connection_with_an_answer_under_way_is_nobody_elses() -> None:
    near, far = socket.socketpair()
    with near, far:
        conversation = Held(near)
        ask(conversation, b"first")
        conversation.end()
        assert conversation.pool.told == ["drop"]


@pytest.mark.parametrize("commands", [1, 3])
def test_a_redis_that_forgot_the_script_gets_its_text_once(redis_server: EmbeddedRedis, commands: int) -> None:
    """Though several calls were under way by then."""
    connection = Connection(redis_server.url, budget_s=5)
    redis = sync_redis(redis_server.url)
    with closing(connection), closing(redis):
        connection.agree("terms", "1", "id")
        redis.script_flush()
        redis.config_resetstat()
        conversation = connection.conversation(connection.deadline())
        texts = [[b"%d" % number for number in range(first, first + commands)] for first in (0, 10)]
        asked = [
            conversation.ask([Command.of([0, each]) for each in some], connection.deadline(), SCRIPT) for some in texts
        ]
        assert [conversation.answers(each) for each in asked] == texts
        conversation.end()
        assert redis.info("commandstats")["cmdstat_eval"]["calls"] == 1


def test_a_redis_that_forgets_the_script_again_gets_its_text_again(redis_server: EmbeddedRedis) -> None:
    """On the same connection, which is kept while there is something to say."""
    connection = Connection(redis_server.url, budget_s=5)
    redis = sync_redis(redis_server.url)
    with closing(connection), closing(redis):
        connection.agree("terms", "1", "id")
        conversation = connection.conversation(connection.deadline())
        for number in range(3):
            redis.script_flush()
            asked = conversation.ask([Command.of([0, number])], connection.deadline(), SCRIPT)
            assert conversation.answers(asked) == [b"%d" % number]
        conversation.end()


def test_a_redis_that_hangs_breaks_all_that_is_under_way(own_redis: EmbeddedRedis, prefix: str) -> None:
    connection = Connection(own_redis.url, budget_s=0.1)
    with closing(connection):
        connection.agree("terms", "1", "id", connection.deadline() + 5)
        conversation = connection.conversation(connection.deadline() + 5)
        with frozen(own_redis):
            asked = [conversation.ask([Command.of([1, prefix])], connection.deadline(), APPEND) for _ in range(2)]
            answers = [conversation.answers(each) for each in asked]
            conversation.end()
        told = [connection.told(each, conversation.broken, "")[0] for each in answers]
        assert [each.maybe_accepted for each in told] == [True, True]
