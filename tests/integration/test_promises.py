"""What one event or one account may not do to the others, and what Celery may not carry."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from redis import Redis

from producers.append import APPEND, append_call, entry
from producers.clock import DAY_MS, now_ms, rfc3339
from producers.connection import Connection
from producers.destinations import DESTINATIONS, Prepared
from producers.keys import Slot
from producers.settings import BatchSettings, BufferSettings
from tests.conftest import Environment
from tests.integration.support import PRIVATE, SECRETS, Cli, sample, samples
from tests.support.sandbox import Sandbox
from worker.stack.child import Child
from worker.stack.ports import free_port

OLD_MS = 600 * DAY_MS
THE_END = "the end of what is watched"


def test_an_account_that_hangs_does_not_hold_up_another(
    cli: Cli, env: Environment, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    """Everything of the one is taken while not even the first request of the other has ended."""
    env |= {"FORWARDER_HTTP_TIMEOUT_S": "50", "FORWARDER_SHUTDOWN_TIMEOUT_S": "55"}
    sandbox.faults({"match": {"account": "hangs"}, "hang": True})
    worker = start_worker()
    cli.enqueue(samples("hangs", 3_000))
    sandbox.wait(requests=1, account="hangs")
    cli.enqueue(samples("flows", 1_000))
    sandbox.wait(events=1_000, account="flows")
    hanging = sandbox.requests("hangs")
    assert hanging
    assert all(request["ended"] is None for request in hanging)
    ledger = cli.ledger()
    worker.kill()  # its requests would hang for most of a minute
    assert ledger["accepted"] - ledger["delivered"] >= 3_000


def test_a_backlog_that_is_refused_again_and_again_does_not_hold_up_another_account(
    cli: Cli, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    sandbox.faults({"match": {"account": "broken"}, "status": 500})
    start_worker(FORWARDER_CIRCUIT_FIRST_S="0.3")
    cli.enqueue(samples("broken", 5_000))
    sandbox.wait(requests=20, account="broken")
    cli.enqueue(samples("sound", 1_000))
    sandbox.wait(events=1_000, account="sound")
    assert sandbox.ids("broken") == {}
    sandbox.faults()
    assert cli.drain()["delivered"] == 6_000


def test_an_event_that_became_too_old_is_put_aside_and_the_rest_of_its_batch_is_delivered(
    cli: Cli, env: Environment, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    """One of them would make Rokt refuse the whole request."""
    batch = BatchSettings(max_events=100, max_bytes=1_000_000, linger_ms=100)
    slot = Slot(env["FORWARDER_KEY_PREFIX"], "event-api", 0)
    now = now_ms()
    entries = [
        entry("50001", prepared(f"old-{number}" if number % 5 == 0 else f"new-{number}", now), now)
        for number in range(30)
    ]
    connection = Connection(env["FORWARDER_REDIS_URL"])
    connection.run(APPEND, append_call(slot, BufferSettings(), DESTINATIONS["event-api"], batch, entries).command, "")
    connection.close()
    start_worker()
    ledger = cli.drain()
    assert (ledger["delivered"], ledger["dead"]) == (24, 6)
    assert [request["events"] for request in sandbox.requests()] == [24]
    letters = cli.letters()
    assert {letter["id"] for letter in letters} == {f"old-{number}" for number in range(0, 30, 5)}
    assert {letter["reasons"][0]["code"] for letter in letters} == {"EventExpired"}
    assert all(letter["expires_at"] < rfc3339(now) for letter in letters)


def prepared(event_id: str, now: int) -> Prepared:
    """As the producer makes it, but for the time of those that are to be old."""
    at = now - OLD_MS if event_id.startswith("old") else now
    event = {**sample("50001", 0)["event"], "clientEventId": event_id, "eventTime": rfc3339(at)}
    return Prepared(event_id, at, msgspec.json.encode(event))


def test_a_proxy_in_the_environment_does_not_stand_between_a_worker_and_loopback(
    cli: Cli, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    """`make run` works behind a company's proxy, and sample events do not go to it."""
    start_worker(http_proxy=f"http://127.0.0.1:{free_port()}", NO_PROXY="", no_proxy="")
    cli.enqueue(samples("55001", 10))
    sandbox.wait(events=10)


def test_celery_carries_no_event_no_address_and_no_secret(
    cli: Cli, env: Environment, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    """Every command that Celery sends to Redis is watched: messages, task events, heartbeats, results."""
    sandbox.faults(
        {"match": {"account": "shop-two"}, "status": 500, "times": 3},
        {
            "match": {"event": {"objectData.currency": "no-such-currency"}},
            "refuse": True,
            "message": f"not for jane{PRIVATE}",
        },
    )
    with commands_seen(env["FORWARDER_REDIS_URL"]) as commands:
        start_worker()
        cli.enqueue(
            [*samples("shop-one", 200), *samples("shop-two", 200), sample("shop-one", 999, currency="no-such-currency")]
        )
        cli.drain()
    own = f"{env['FORWARDER_KEY_PREFIX']}:celery:"
    carried = [readable(command) for command in commands if own in command]
    for seen in ("forwarder.deliver.event-api", "callbacks", "task-succeeded", "'delivered'"):
        assert any(seen in command for command in carried), f"{seen} was not watched"
    for text in (PRIVATE, "objectData", "no-such-currency", "shop-one", *SECRETS):
        assert not [command for command in carried if text in command]


@contextmanager
def commands_seen(redis_url: str) -> Iterator[list[str]]:
    """Every command that Redis runs meanwhile; complete once the context is left."""
    commands: list[str] = []
    redis = Redis.from_url(redis_url)
    with redis.monitor() as monitor:  # type: ignore[no-untyped-call]

        def watch() -> None:
            while THE_END not in (command := monitor.next_command()["command"]):
                commands.append(command)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield commands
        finally:
            redis.echo(THE_END)
            thread.join()
            redis.close()


def readable(command: str) -> str:
    """The command, with the bodies of messages, which kombu writes in base64."""
    start = command.find('{"body"')
    return command if start < 0 else command + decoded_body(command[start:])


def decoded_body(text: str) -> str:
    message: Any = json.JSONDecoder().raw_decode(text)[0]
    return base64.b64decode(message["body"]).decode() if isinstance(message["body"], str) else ""
