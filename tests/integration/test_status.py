"""`forwarder status`, `drain` and `health` tell how the queues and their workers are."""

from __future__ import annotations

from collections.abc import Callable

from tests.integration.support import Cli, eventually, samples
from tests.support.sandbox import Sandbox
from worker.stack.child import Child

KEYS = {
    "accepted",
    "open",
    "ready",
    "waiting",
    "in_flight",
    "delivered",
    "dead",
    "discarded",
    "parked",
    "oldest_age_s",
    "circuit",
    "holds",
}


def test_without_a_worker_drain_says_what_is_left_and_health_fails(cli: Cli) -> None:
    assert cli.run("drain", "--timeout", "0").status == 0, "nothing was enqueued yet"
    cli.enqueue(samples("92001", 130), FORWARDER_LINGER_MS="3600000")
    ledger = cli.ledger()
    assert ledger.keys() == KEYS
    assert (ledger["accepted"], ledger["open"], ledger["ready"]) == (130, 30, 100)
    assert ledger["oldest_age_s"] >= 0
    ended = cli.run("drain", "--timeout", "0.2", "--json")
    assert ended.status == 1
    assert ended.json["event-api"]["ready"] == 100
    assert "event-api: 30 open, 100 ready" in ended.err
    health = cli.run("health")
    assert (health.status, health.out, health.err.count("\n")) == (1, "", 1)
    assert "130" in cli.done("status").out


def test_with_a_worker_health_succeeds_and_drain_waits_for_what_is_due(
    cli: Cli, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    worker = start_worker()
    assert "at work" in cli.done("health").out
    sandbox.faults({"status": 503})
    cli.enqueue(samples("92002", 100))
    sandbox.wait(requests=2)
    ended = cli.run("drain", "--timeout", "0.2")
    assert ended.status == 1
    assert "event-api: 100 " in ended.err
    sandbox.faults()
    assert cli.drain()["delivered"] == 100
    worker.kill()
    eventually(lambda: cli.run("health").status == 1)  # its last sign of life lasts some seconds


def test_a_worker_that_ended_in_order_is_not_taken_for_healthy(cli: Cli, start_worker: Callable[..., Child]) -> None:
    """Neither by `health` nor by the next `forwarder up`, which waits for the sign of life of its own worker."""
    start_worker().stop(grace_s=20)
    assert cli.run("health").status == 1


def test_drain_with_a_negative_or_unreadable_time_is_wrong_usage(cli: Cli) -> None:
    for seconds in ("-1", "soon"):
        assert cli.run("drain", "--timeout", seconds).status == 2
