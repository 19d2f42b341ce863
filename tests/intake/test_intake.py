"""Events from the queue `<prefix>.events` of the broker: each is appended, or becomes a dead letter of the intake."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from producers.destinations import DESTINATIONS
from producers.keys import Slot
from tests.conftest import Environment
from tests.intake.support import Shop, line, names
from tests.integration.support import Cli, Ended
from tests.support.sandbox import Sandbox
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

START = Callable[..., Child]


def forwarder(env: Environment, *arguments: str) -> Ended:
    return Cli(env, Path.cwd()).run(*arguments)


def letters(env: Environment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = forwarder(env, "dlq", "list", "-d", "intake", "--json").json
    return found


def test_every_message_arrives_once(env: Environment, sandbox: Sandbox, shop: Shop, start_worker: START) -> None:
    shop.send(*(line(name) for name in names(1_200)))
    start_worker()
    sandbox.wait(events=1_200)
    assert forwarder(env, "drain").status == 0
    ids = sandbox.ids()["1"]
    assert set(ids) == set(names(1_200))
    assert set(ids.values()) == {1}


def test_what_is_not_valid_is_kept_with_its_faults_and_holds_nothing_up(
    env: Environment, sandbox: Sandbox, shop: Shop, start_worker: START
) -> None:
    shop.send(line("bad", eventType=""), b"\xff rubbish", [1], {"destination": "nowhere", "account": "1", "event": {}})
    shop.send(line("good"))
    start_worker()
    sandbox.wait(events=1)
    assert forwarder(env, "drain").status == 0
    found = letters(env)
    assert len(found) == 4
    assert {letter["destination"] for letter in found} == {"intake"}
    (bad,) = [letter for letter in found if letter["id"] == "bad"]
    assert bad["event"] == line("bad", eventType="")
    assert [reason["message"] for reason in bad["reasons"]] == ["event.eventType: expected str of length >= 1"]


def test_a_message_that_is_still_at_fault_stays_and_one_that_is_not_is_delivered(
    env: Environment, sandbox: Sandbox, shop: Shop, start_worker: START
) -> None:
    """A cap that was set too low is a cause that can be mended; an event without a type is not."""
    shop.send(line("bad", eventType=""), line("large", objectData=[{"name": "note", "value": "x" * 2_000}]))
    worker = start_worker(FORWARDER_MAX_BYTES="1000")
    shop.send(line("good"))
    sandbox.wait(events=1)
    assert {letter["id"] for letter in letters(env)} == {"bad", "large"}
    worker.stop()
    start_worker()
    replayed = forwarder(env, "dlq", "replay", "--all", "-d", "intake", "--json")
    assert replayed.json["replayed"] == 1
    sandbox.wait(events=2)
    assert [letter["id"] for letter in letters(env)] == ["bad"]
    assert forwarder(env, "dlq", "discard", "bad").status == 0
    assert letters(env) == []


def test_workers_killed_at_any_moment_lose_no_message(
    env: Environment, sandbox: Sandbox, shop: Shop, start_worker: START
) -> None:
    """Again and again, while messages come. What a worker had taken comes back when its lease is over."""
    quick = {"FORWARDER_LEASE_S": "3", "FORWARDER_HTTP_TIMEOUT_S": "2"}
    kills = 6
    for start in range(0, 3_000, 3_000 // kills):
        worker = start_worker(**quick)
        dies = Timer(random.uniform(0, 0.3), worker.kill)  # the moment is the point
        dies.start()
        shop.send(*(line(name) for name in names(3_000 // kills, start)))
        dies.join()
    start_worker(**quick)
    assert forwarder(env, "drain", "--timeout", "60").status == 0
    assert set(names(3_000)) - set(sandbox.ids()["1"]) == set()
    assert letters(env) == []
    (accepted,) = shop.redis.hmget(Slot(env["FORWARDER_KEY_PREFIX"], "event-api", 0).key("ledger"), "accepted")
    assert int(accepted or 0) == 3_000, "whatever came out of the queue twice"


def test_two_workers_take_each_message_once(
    env: Environment, sandbox: Sandbox, shop: Shop, start_worker: START
) -> None:
    start_worker()
    start_worker()
    for start in range(0, 3_000, 100):
        shop.send(*(line(name) for name in names(100, start)))
    sandbox.wait(events=3_000)
    assert forwarder(env, "drain").status == 0
    ids = sandbox.ids()["1"]
    assert set(ids) == set(names(3_000))
    assert set(ids.values()) == {1}


@pytest.mark.parametrize("how", ["in order", "killed"])
def test_a_redis_that_restarts_in_between_loses_no_message(
    env: Environment, sandbox: Sandbox, shop: Shop, start_worker: START, own_redis: EmbeddedRedis, how: str
) -> None:
    shop.send(*(line(name) for name in names(1_500)))
    start_worker(FORWARDER_LEASE_S="3", FORWARDER_HTTP_TIMEOUT_S="2")
    sandbox.wait(events=100)
    if how == "killed":
        own_redis.kill()
    own_redis.restart()
    shop.send(*(line(name) for name in names(1_500, 1_500)))
    assert forwarder(env, "drain", "--timeout", "60").status == 0
    assert set(sandbox.ids()["1"]) == set(names(3_000))


def test_status_and_drain_tell_what_waits_in_the_queue(
    env: Environment, sandbox: Sandbox, shop: Shop, start_worker: START
) -> None:
    """For people only: scripts that read the JSON by destination find none that is no destination."""
    shop.send(*(line(name) for name in names(3)), "no line")
    shop.queue.take("of a worker that died", most=1)
    status = forwarder(env, "status")
    assert "intake: 3 waiting in the queue, 1 taken, 0 dead letters" in status.out
    assert set(forwarder(env, "status", "--json").json) == set(DESTINATIONS)
    ended = forwarder(env, "drain", "--timeout", "0.2", "--json")
    assert (ended.status, ended.err) == (1, "intake: 4 waiting\n")
    assert set(ended.json) == set(DESTINATIONS)
    shop.lapse()
    start_worker()
    drained = forwarder(env, "drain", "--timeout", "60")
    assert (drained.status, drained.err) == (0, "")
    assert set(sandbox.ids()["1"]) == set(names(3))
    assert "intake: 0 waiting in the queue, 0 taken, 1 dead letters" in forwarder(env, "status").out


def test_status_answers_where_the_broker_does_not_or_is_no_redis(env: Environment) -> None:
    env["FORWARDER_BROKER_URL"] = "redis://127.0.0.1:1/0"
    away = forwarder(env, "status")
    assert (away.status, away.err) == (0, "")
    assert "intake: the broker does not answer; 0 dead letters" in away.out
    env["FORWARDER_BROKER_URL"] = "amqp://127.0.0.1:1"
    assert "intake: 0 dead letters" in forwarder(env, "status").out
    assert forwarder(env, "drain").status == 0
