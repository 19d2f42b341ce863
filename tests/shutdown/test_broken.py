"""A worker that works no more, whatever of it still lives: `forwarder health` fails, and it ends when it is asked to.

All of the workers are broken at once, each in its own way: finding out takes seconds, which need not add up.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from redis import Redis

from tests.conftest import Environment
from tests.integration.support import Cli, Ended, alive, environment, eventually, samples
from tests.shutdown.support import Workers, asked, children_of, messages_waiting, signalled
from tests.support.sandbox import Sandbox
from worker.connection.client import sync_redis
from worker.lifecycle.heartbeat import Worker, beat
from worker.lifecycle.stopping import FORCED_S
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

QUEUE = "forwarder.deliver.event-api"
WAYS = ("disconnected", "hung", "stopped", "idle children stopped", "busy children stopped", "asked to end")


class Case(NamedTuple):
    """A worker on a key prefix of its own, and its children as it was started."""

    env: Environment
    cli: Cli
    worker: Child
    children: set[int]

    def unhealthy(self, *options: str) -> Ended:
        ended: Ended = eventually(lambda: self._failed("health", *options), within_s=60)
        return ended

    def _failed(self, *command: str) -> Ended | None:
        ended = self.cli.run(*command)
        return ended if ended.status else None


class Broken(NamedTuple):
    cases: dict[str, Case]
    since: float


def variables(way: str, broker: EmbeddedRedis, rokt: Child) -> dict[str, str]:
    mine = {"FORWARDER_EVENT_API_URL": parts.sandbox_url(rokt)}
    if way == "disconnected":
        mine["FORWARDER_BROKER_URL"] = broker.url
    if way == "busy children stopped":  # so that its time limit, a few seconds above these, is reached in this test
        mine |= {"FORWARDER_TASK_SLICE_S": "1", "FORWARDER_LEASE_S": "2", "FORWARDER_HTTP_TIMEOUT_S": "1"}
    if way == "asked to end":
        mine |= {"FORWARDER_SHUTDOWN_TIMEOUT_S": "1.5", "FORWARDER_LEASE_S": "2", "FORWARDER_HTTP_TIMEOUT_S": "1"}
    return mine


@pytest.fixture(scope="module")
def working(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Case]]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("health")
        broker = stack.enter_context(EmbeddedRedis(folder / "broker"))
        rokt = parts.sandbox(environment(redis_server.url), folder).start()
        stack.callback(rokt.stop)
        begun = []
        for way in WAYS:
            env, own = environment(redis_server.url, **variables(way, broker, rokt)), folder / way
            own.mkdir()
            workers = Workers(env, own)
            stack.callback(workers.kill)
            begun.append((way, env, workers, workers.begin()))
        cases = {}
        for way, env, workers, child in begun:
            workers.wait(child)
            cases[way] = Case(env, Cli(env, folder), child, children_of(child))
        yield cases
        for case in cases.values():
            signalled(alive({case.worker.pid}), signal.SIGCONT)


@pytest.fixture(scope="module")
def broken(working: dict[str, Case]) -> Broken:
    """All of them were healthy a moment ago."""
    for way, case in working.items():
        assert "at work" in case.cli.done("health", "--here").out, way
    _, hung, stopped, idle, busy, ending = (working[way] for way in WAYS)
    _stop_over_a_request(busy, "22002")
    _stop_over_a_request(ending, "22003")
    signalled([ending.worker.pid], signal.SIGTERM)
    _kill_broker(working["disconnected"])
    asked(hung.env, "app.control.broadcast('hang', arguments={'seconds': 100})")
    signalled([stopped.worker.pid], signal.SIGSTOP)
    signalled(idle.children, signal.SIGSTOP)
    hung.cli.enqueue(samples("22001", 10))
    idle.cli.enqueue(samples("22001", 10))
    return Broken(working, time.monotonic())


def _stop_over_a_request(case: Case, account: str) -> None:
    with Sandbox(case.env["FORWARDER_EVENT_API_URL"]) as sandbox:
        sandbox.faults({"hang": True, "times": 1})
        case.cli.enqueue(samples(account, 10))
        sandbox.wait(requests=1, account=account)
    signalled(case.children, signal.SIGSTOP)


def _kill_broker(case: Case) -> None:
    redis = Redis.from_url(case.env["FORWARDER_BROKER_URL"])
    with pytest.raises(Exception):  # noqa: B017, PT011 - it closes the connection instead of an answer
        redis.execute_command("SHUTDOWN", "NOSAVE")  # type: ignore[no-untyped-call]


def test_a_worker_whose_broker_is_gone_is_not_healthy(broken: Broken) -> None:
    """Its dispatcher's thread lives, and so does the Redis that holds the events."""
    ended = broken.cases["disconnected"].unhealthy()
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert "no worker has looked for work" in ended.err


def test_a_worker_whose_consumer_hangs_is_not_healthy(broken: Broken) -> None:
    case = broken.cases["hung"]
    assert "no worker" in case.unhealthy().err
    assert alive({case.worker.pid, *case.children}) == {case.worker.pid, *case.children}


def test_a_worker_whose_main_process_is_stopped_is_not_healthy(broken: Broken) -> None:
    ended = broken.cases["stopped"].unhealthy("--here", "--json")
    assert ended.json["healthy"] is False
    assert ended.json["workers"] == []
    assert "no worker on" in ended.json["problems"][0]


def test_work_that_nobody_claims_is_told_although_a_worker_gives_signs_of_life(broken: Broken) -> None:
    """Its children are stopped; the main process cannot know."""
    ended = broken.cases["idle children stopped"].unhealthy("--overdue", "2")
    assert "event-api: work is due, and nobody has claimed any" in ended.err
    assert "no worker" not in ended.err


def test_a_child_that_hangs_over_a_task_is_replaced_and_its_work_is_done(broken: Broken) -> None:
    """By Celery's time limit for a task."""
    case = broken.cases["busy children stopped"]
    assert case.cli.drain()["delivered"] == 10
    assert alive(children_of(case.worker)) - case.children, "no child was replaced"
    assert case.cli.done("health", "--overdue", "0").status == 0


def test_where_nobody_consumes_for_20_seconds_one_message_waits(broken: Broken) -> None:
    """The note that one was sent lapses every two seconds; a second message would say nothing new."""
    case = broken.cases["hung"]
    eventually(lambda: time.monotonic() > broken.since + 20)
    assert case.cli.ledger()["delivered"] == 0
    assert messages_waiting(case.env, QUEUE) == 1


def test_children_that_hang_do_not_keep_a_worker_from_ending(broken: Broken) -> None:
    """By force then, as its exit status says; leases bring back what they had."""
    case = broken.cases["asked to end"]
    assert case.worker.wait(1.5 + FORCED_S + 5) == 1, case.worker.ending()
    assert eventually(lambda: not alive(case.children))
    ledger = case.cli.ledger()
    assert (ledger["accepted"], ledger["in_flight"]) == (10, 10)


def test_only_workers_of_this_machine_count_where_that_is_asked(cli: Cli, env: Environment) -> None:
    redis = sync_redis(env["FORWARDER_REDIS_URL"])
    beat(redis, env["FORWARDER_KEY_PREFIX"], Worker(7, "celery@elsewhere", "elsewhere"))
    assert "celery@elsewhere" in cli.done("health").out
    assert cli.run("health", "--here").status == 1


@pytest.mark.parametrize("how", ["ended", "stopped"])
def test_without_an_answer_of_redis_health_fails_in_one_line_within_seconds(
    cli: Cli, own_redis: EmbeddedRedis, how: str
) -> None:
    own_redis.kill() if how == "ended" else signalled([own_redis.pid], signal.SIGSTOP)
    began = time.monotonic()
    ended = cli.run("health", FORWARDER_REDIS_URL=own_redis.url)
    seconds = time.monotonic() - began
    if how == "stopped":
        signalled([own_redis.pid], signal.SIGCONT)
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, "", 1), ended.err
    assert seconds < 7
