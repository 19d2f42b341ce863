"""A forked process never touches its parent's connections, whatever they were doing, and makes its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import httpx
import pytest

from producers import Producer
from tests.integration.support import environment, eventually
from tests.producers.support import Call, accepted, accepts, call, clients, frozen, shop
from worker.stack.ports import LOOPBACK, free_port
from worker.stack.redis_server import EmbeddedRedis

REQUESTS = 30


def in_a_child(work: Callable[[], bool]) -> int:
    """Forks; the child ends with 0 if the work is done and true."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return child


def ended_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def producer(own_redis: EmbeddedRedis, prefix: str) -> Iterator[Producer]:
    with closing(shop(own_redis.url, prefix, 5)) as made:
        assert accepts(made)
        yield made


@contextmanager
def calling(producer: Producer) -> Iterator[list[Call]]:
    """A call that is under way on another thread; its end is there afterwards."""
    ended: list[Call] = []
    thread = threading.Thread(target=lambda: ended.append(call(producer)))
    thread.start()
    yield ended
    thread.join()


def test_an_idle_connection_stays_the_parents(producer: Producer, own_redis: EmbeddedRedis, prefix: str) -> None:
    """The child closes what it inherited, and the parent goes on with the very same connection."""
    before = clients(own_redis)
    assert ended_well(in_a_child(lambda: accepts(producer)))
    assert accepts(producer)
    eventually(lambda: clients(own_redis) == before)
    assert accepted(own_redis, prefix) == 3


def test_a_connection_in_use_stays_the_parents(producer: Producer, own_redis: EmbeddedRedis, prefix: str) -> None:
    """The parent is in the midst of a call; its answer comes to it, although the child came and went meanwhile."""

    def closed() -> bool:
        producer.close()
        return True

    with frozen(own_redis), calling(producer) as ended:
        eventually(lambda: _waits_for_redis(own_redis))
        assert ended_well(in_a_child(closed))
        assert not ended
        os.kill(own_redis.pid, signal.SIGCONT)
    assert ended[0].error is None
    assert ended_well(in_a_child(lambda: accepts(producer)))
    assert accepted(own_redis, prefix) == 3


def test_a_child_connects_although_the_thread_that_did_is_not_there(
    own_redis: EmbeddedRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent's is held up in the midst of its work at the moment of the fork."""
    asked, resolved, real = threading.Event(), threading.Event(), socket.getaddrinfo

    def held_up(*args: object) -> object:
        asked.set()
        resolved.wait(20)
        return real(*args)  # type: ignore[arg-type]

    def work() -> bool:
        socket.getaddrinfo = real
        return accepts(held)

    monkeypatch.setattr(socket, "getaddrinfo", held_up)
    with closing(shop(own_redis.url, prefix, 5)) as held, calling(held) as ended:
        assert asked.wait(5)
        assert ended_well(in_a_child(work))
        resolved.set()
    assert ended[0].error is None
    assert accepted(own_redis, prefix) == 2


def test_a_child_begins_without_its_parents_trouble(producer: Producer, own_redis: EmbeddedRedis) -> None:
    own_redis.kill()
    assert call(producer).error
    own_redis.restart()
    assert ended_well(in_a_child(lambda: accepts(producer)))


def test_a_fork_that_python_is_not_told_of_is_seen_as_well(producer: Producer, own_redis: EmbeddedRedis) -> None:
    """uWSGI forks in C, and calls no hooks unless it is asked to."""
    command = [sys.executable, "-c", IN_C, own_redis.url, "in-c"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert accepts(producer)
    assert accepted(own_redis, "in-c") == 3


IN_C = """
import ctypes, os, sys
from tests.producers.support import accepts, shop
producer = shop(sys.argv[1], sys.argv[2], 5)
assert accepts(producer)
child = ctypes.PyDLL(None).fork()
if child == 0:
    os._exit(0 if accepts(producer) else 1)
assert os.waitpid(child, 0)[1] == 0 and accepts(producer)
"""


def test_gunicorn_that_loads_the_shop_before_it_forks(own_redis: EmbeddedRedis, prefix: str) -> None:
    """With an event of the parent's before the fork, and many threads a child."""
    port = free_port()
    env = {**environment(own_redis.url), "FORWARDER_KEY_PREFIX": prefix, "FORWARDER_ENQUEUE_BUDGET_MS": "5000"}
    options = ["--preload", "--workers", "2", "--threads", "4", "--bind", f"{LOOPBACK}:{port}"]
    server = subprocess.Popen([sys.executable, "-m", "gunicorn", *options, "tests.producers.web_shop:sell"], env=env)
    try:
        with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as browser:
            eventually(lambda: _listens(browser))
            already = accepted(own_redis, prefix)
            processes = {browser.get("/").raise_for_status().text for _ in range(REQUESTS)}
        assert str(server.pid) not in processes
        assert accepted(own_redis, prefix) == already + REQUESTS
    finally:
        server.terminate()
        server.wait(20)


def _listens(browser: httpx.Client) -> bool:
    try:
        return browser.get("/").is_success
    except httpx.TransportError:
        return False


def _waits_for_redis(server: EmbeddedRedis) -> bool:
    """Whether something lies in a socket of the frozen server, by Linux's own account of it."""
    port = f":{server.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        lines = [line.split() for line in table][1:]
    return any(line[1].endswith(port) and not line[4].endswith(":00000000") for line in lines)
