"""Events from the queue `<prefix>.events` of the broker: each is appended, or becomes a dead letter of the intake."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from tests.conftest import Environment
from tests.support.sandbox import Sandbox
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

FORWARDER = str(Path(sys.executable).with_name("forwarder"))
START = Callable[..., Child]


@pytest.fixture
def env(env: Environment, own_redis: EmbeddedRedis) -> Environment:
    """The queue has one name on a broker, so each test has a broker of its own."""
    env["FORWARDER_REDIS_URL"] = own_redis.url
    return env


@pytest.fixture
def send(own_redis: EmbeddedRedis, env: Environment) -> Iterator[Callable[[list[Any]], None]]:
    """Any code that has kombu: bodies as they are, texts as they stand."""
    with Connection(own_redis.url) as connection:
        queue = connection.SimpleQueue(f"{env['FORWARDER_KEY_PREFIX']}.events")

        def put(bodies: list[Any]) -> None:
            for body in bodies:
                raw = isinstance(body, bytes)
                queue.put(body, **({"content_type": "application/data", "content_encoding": "binary"} if raw else {}))

        yield put
        queue.close()


def line(event_id: str, **event: Any) -> dict[str, Any]:
    whole = {"clientEventId": event_id, "eventType": "conversion", **event}
    return {"destination": "event-api", "account": "1", "event": whole}


def forwarder(env: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FORWARDER, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)


def letters(env: Environment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(forwarder(env, "dlq", "list", "-d", "intake", "--json").stdout)
    return found


def test_every_message_arrives_once(
    env: Environment, sandbox: Sandbox, send: Callable[[list[Any]], None], start_worker: START
) -> None:
    send([line(f"e{number}") for number in range(1_200)])
    start_worker()
    sandbox.wait(events=1_200)
    assert forwarder(env, "drain").returncode == 0
    ids = sandbox.ids()["1"]
    assert set(ids) == {f"e{number}" for number in range(1_200)}
    assert set(ids.values()) == {1}


def test_what_is_not_valid_is_kept_with_its_faults_and_holds_nothing_up(
    env: Environment, sandbox: Sandbox, send: Callable[[list[Any]], None], start_worker: START
) -> None:
    send([line("bad", eventType=""), b"\xff rubbish", [1], {"destination": "nowhere", "account": "1", "event": {}}])
    send([line("good")])
    start_worker()
    sandbox.wait(events=1)
    assert forwarder(env, "drain").returncode == 0
    found = letters(env)
    assert len(found) == 4
    assert {letter["destination"] for letter in found} == {"intake"}
    (bad,) = [letter for letter in found if letter["id"] == "bad"]
    assert bad["event"] == line("bad", eventType="")
    assert [reason["message"] for reason in bad["reasons"]] == ["event.eventType: expected str of length >= 1"]


def test_a_message_that_is_still_at_fault_stays_and_one_that_is_not_is_delivered(
    env: Environment, sandbox: Sandbox, send: Callable[[list[Any]], None], start_worker: START
) -> None:
    """A cap that was set too low is a cause that can be mended; an event without a type is not."""
    send([line("bad", eventType=""), line("large", objectData=[{"name": "note", "value": "x" * 2_000}])])
    worker = start_worker(FORWARDER_MAX_BYTES="1000")
    send([line("good")])
    sandbox.wait(events=1)
    assert {letter["id"] for letter in letters(env)} == {"bad", "large"}
    worker.stop()
    start_worker()
    replayed = forwarder(env, "dlq", "replay", "--all", "-d", "intake", "--json")
    assert json.loads(replayed.stdout)["replayed"] == 1
    sandbox.wait(events=2)
    assert [letter["id"] for letter in letters(env)] == ["bad"]
    assert forwarder(env, "dlq", "discard", "bad").returncode == 0
    assert letters(env) == []


def test_a_worker_killed_in_the_middle_loses_no_message_that_the_broker_had_noted(
    env: Environment, sandbox: Sandbox, send: Callable[[list[Any]], None], start_worker: START
) -> None:
    """What was not acknowledged comes again. Kombu's Redis transport notes a message a step after it gave it out, so
    the one in between may be lost at a crash; the README says so."""
    send([line(f"e{number}") for number in range(3_000)])
    first = start_worker(FORWARDER_LEASE_S="3", FORWARDER_HTTP_TIMEOUT_S="2")
    sandbox.wait(events=100)
    first.kill()
    start_worker(FORWARDER_LEASE_S="3", FORWARDER_HTTP_TIMEOUT_S="2")
    sandbox.wait(events=2_999, timeout=90)
    assert forwarder(env, "drain").returncode == 0
    assert len({f"e{number}" for number in range(3_000)} - set(sandbox.ids()["1"])) <= 1
    assert letters(env) == []
