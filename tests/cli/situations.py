"""What the headings of the runbook and the alerts name, brought about: the literal thing, on real parts."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from producers import Producer
from tests.cli.operations import ACCOUNT, OLD, RIGHT, Operations
from tests.integration.support import eventually
from worker.stack import parts
from worker.stack.ports import free_port, wait_http

Situation = Callable[[Operations], None]


def a_dead_letter(on: Operations) -> None:
    on.dead(on.event)


def refused_keys(on: Operations) -> None:
    """Rokt takes other keys than those of the file."""
    on.put_keys(OLD)
    on.rokt.credentials({ACCOUNT: RIGHT})
    on.enqueued(on.event)
    eventually(lambda: "parked" in on.cli.done("status").out)


def keys_that_end(on: Operations) -> None:
    """Rokt takes the new ones alone, from now on; an event comes after the pause that the page begins with."""
    on.put_keys(OLD)
    on.cli.done("pause", "event-api")
    on.rokt.credentials({ACCOUNT: RIGHT})
    on.enqueued(on.event)


def paused_by_somebody(on: Operations) -> None:
    on.cli.done("pause", "event-api", "--why", "maintenance of Rokt")
    on.enqueued(on.event)


def in_flight(on: Operations) -> None:
    """Rokt has a request and does not answer."""
    on.rokt.faults({"hang": True, "times": 1})
    on.enqueued(on.event)
    eventually(lambda: on.ledger()["in_flight"])


def a_worker_that_hangs(on: Operations) -> None:
    in_flight(on)
    on.freeze()
    eventually(lambda: on.cli.run("health").status == 1)


def a_worker_that_does_not_stop(on: Operations) -> None:
    in_flight(on)
    os.kill(on.worker.pid, signal.SIGTERM)


def a_flower_of_another_broker(on: Operations) -> None:
    """It was started after the work was done, and on another database: it hears nobody."""
    on.enqueued(on.event)
    on.delivered()
    env, port = {**on.env, "FORWARDER_REDIS_URL": on.redis.url.removesuffix("0") + "1"}, free_port()
    flower = parts.flower(env, on.folder, port, "a-password-for-tests").start()
    on.open.callback(flower.kill)
    wait_http(f"http://127.0.0.1:{port}/healthcheck", parts.READY_S, flower)
    login = ("forwarder", "a-password-for-tests")
    url = f"http://127.0.0.1:{port}/workers?json=1"
    assert httpx.get(url, auth=login, trust_env=False).json()["data"] == []


def a_redis_that_hung(on: Operations) -> None:
    """For so long that the checkout put its event into its spool, and ended."""
    on.variables = {"FORWARDER_SPOOL_DIR": str(on.folder / "spool")}
    event = {"clientEventId": on.event, "eventType": "conversion"}
    os.kill(on.redis.pid, signal.SIGSTOP)
    try:
        with contextlib.closing(Producer.from_env({**on.env, **on.variables})) as producer:
            assert producer.enqueue("event-api", account=ACCOUNT, event=event, id=on.event).spooled
    finally:
        os.kill(on.redis.pid, signal.SIGCONT)
    eventually(lambda: on.cli.run("health").status == 0)


def a_redis_that_is_full(on: Operations) -> None:
    on.dead(on.event)
    on.lines(f"{on.event}-more")
    with contextlib.closing(on.client()) as redis:
        redis.config_set("maxmemory", int(redis.info("memory")["used_memory"]) * 9 // 10)
    on.open.callback(_no_bound, on)


def _no_bound(on: Operations) -> None:
    with contextlib.closing(on.client()) as redis:
        redis.config_set("maxmemory", 0)


def a_redis_of_yesterday(on: Operations) -> None:
    """A copy of the folder of a stopped Redis, put back after an event was accepted and others were delivered."""
    files, copy, before = on.redis.data_dir / "appendonlydir", on.folder / "backup", f"{on.event}-before"
    on.cli.done("pause", "event-api")
    on.enqueued(before)
    on.redis.stop()
    shutil.copytree(files, copy)
    on.redis.start()
    on.cli.done("resume", "event-api")
    on.lines(on.event)
    on.cli.done("enqueue", "events.jsonl")
    on.delivered()
    on.redis.stop()
    shutil.rmtree(files)
    shutil.move(copy, files)
    on.redis.start()
    on.open.callback(_came_twice, on, before)


def _came_twice(on: Operations, before: str) -> None:
    """What the page says of it."""
    ids = on.rokt.ids(ACCOUNT)[ACCOUNT]
    assert ids[before] == 2
    assert ids[on.event] == 2


def server_events_of_three_days_ago(on: Operations) -> None:
    """One is dead, for a reason that is mended by now; one waits behind a pause."""
    on.rokt.faults({"match": {"path": "/v1/partner/events"}, "status": 400, "code": "NotToday"})
    on.cli.enqueue([signal_line(on.event)])
    eventually(lambda: on.cli.letters("-d", "server-events"))
    on.rokt.faults()
    on.cli.done("pause", "server-events")
    on.cli.enqueue([signal_line(f"{on.event}-b")])


def signal_line(event: str) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(hours=65)
    sent = {
        "eventType": "SignalViewed",
        "eventTime": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "sessionId": f"session of {event}",
        "parentGuid": "parent",
        "clientUniqueId": event,
    }
    return {"destination": "server-events", "account": ACCOUNT, "id": event, "event": sent}


def a_replay_that_runs(on: Operations) -> None:
    on.dead(*(f"{on.event}-{number}" for number in range(30)))
    told = on.cli.done("dlq", "replay", "--all", "--yes", "--rate", "1", "--detach", "--json").json
    on.replay = told["replay"]


def asked_to_wait(on: Operations) -> None:
    on.rokt.faults({"status": 429, "retry_after": 3, "times": 1})
    on.enqueued(on.event)
    eventually(lambda: "limited" in on.cli.done("status").out)


def no_sign_of_rokt(on: Operations) -> None:
    on.rokt.faults({"close": "before"})
    on.enqueued(on.event)
    eventually(lambda: on.ledger()["circuit"] != "closed")


def delivered(on: Operations) -> None:
    on.enqueued(on.event)
    on.delivered()


OF_THE_RUNBOOK: dict[str, Situation] = {
    "Runbook": delivered,
    "Dead letters grow with `ValidationError`": a_dead_letter,
    "Dead letters grow with `UnauthorizedError`": refused_keys,
    "We rotated": keys_that_end,
    "Nothing is delivered": paused_by_somebody,
    "Rokt does not answer": no_sign_of_rokt,
    "A worker hangs": a_worker_that_hangs,
    "A worker will not stop": a_worker_that_does_not_stop,
    "Flower is empty": a_flower_of_another_broker,
    "The checkout logs": a_redis_that_hung,
    "Redis is full": a_redis_that_is_full,
    "Redis was restored": a_redis_of_yesterday,
    "An event is missing": a_dead_letter,
    "Server events": server_events_of_three_days_ago,
    "A replay": a_replay_that_runs,
    "Rokt asks": asked_to_wait,
    "Prometheus or the console": delivered,
    "A person": a_dead_letter,
}
BY_HAND: dict[str, Situation] = {
    "# Put the right keys into the credentials file.": lambda on: on.put_keys(RIGHT),
    "# Kill the worker, and start another.": Operations.another_worker,
    "# Wait until Rokt answers.": lambda on: on.rokt.faults(),
}
