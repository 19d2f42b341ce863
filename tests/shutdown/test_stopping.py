"""A worker that is asked to end does so at once and in order: nothing doubled, nothing lost, nothing left in flight."""

from __future__ import annotations

import os
import signal

import pytest

from tests.conftest import Environment
from tests.integration.support import Cli, alive, eventually, ids_of, samples, times_accepted
from tests.shutdown.support import Workers, children_of, ended_within, signalled, stream
from tests.support.sandbox import Sandbox
from worker.lifecycle.stopping import FORCED_S
from worker.stack.child import Child

ACCOUNTS = ("21001", "21002", "21003", "21004")


def test_a_rolling_restart_under_load_delivers_every_event_exactly_once(
    cli: Cli, env: Environment, sandbox: Sandbox, workers: Workers
) -> None:
    """Each worker in turn is asked to end and replaced, while events flow and every answer takes its time.

    The second time they are asked changes nothing.
    """
    env |= {"FORWARDER_SHUTDOWN_TIMEOUT_S": "20"}
    sandbox.faults({"delay": 0.3})
    fleet = [workers.start(), workers.start()]
    with stream(env, ACCOUNTS) as ids:
        sandbox.wait(events=200)
        for old in fleet:
            eventually(lambda: cli.ledger()["in_flight"] > 0)
            os.kill(old.pid, signal.SIGTERM)
            ended_within(old, signal.SIGTERM, 20)
            assert old.exit_status == 0, old.ending()
            workers.start()
    ledger = cli.drain()
    assert times_accepted(sandbox) == dict.fromkeys(ids, 1)
    assert (ledger["delivered"], ledger["dead"]) == (len(ids), 0)


def test_what_is_not_answered_in_time_is_back_when_the_worker_has_ended(
    cli: Cli, env: Environment, sandbox: Sandbox, workers: Workers
) -> None:
    """Waiting or ready, so that the next worker need not wait for a lease."""
    env |= {"FORWARDER_HTTP_TIMEOUT_S": "2", "FORWARDER_SHUTDOWN_TIMEOUT_S": "2.5", "FORWARDER_ACCOUNT_IN_FLIGHT": "2"}
    sandbox.faults({"hang": True})
    worker = workers.start()
    cli.enqueue(samples("21011", 1_000))
    sandbox.wait(requests=2)
    ended_within(worker, signal.SIGTERM, 2.5 + FORCED_S)
    ledger = cli.ledger()
    assert worker.exit_status == 0, worker.ending()
    assert ledger["in_flight"] == 0
    assert ledger["waiting"] + ledger["ready"] + ledger["open"] == 1_000
    assert len(sandbox.requests()) == 2, "a request was started after the worker had been asked to end"
    sandbox.faults()
    workers.start()
    assert cli.drain()["delivered"] == 1_000


@pytest.mark.parametrize(
    ("pool", "number"), [("solo", signal.SIGTERM), ("threads", signal.SIGTERM), ("prefork", signal.SIGINT)]
)
def test_every_kind_of_pool_finishes_what_it_sends_and_claims_no_more(
    cli: Cli, env: Environment, sandbox: Sandbox, workers: Workers, pool: str, number: signal.Signals
) -> None:
    """Whether by SIGTERM or by Ctrl-C; the task slice, which would go on for a minute, does not matter.

    Children of a pool are told too, also those that replaced others.
    """
    env |= {"FORWARDER_TASK_SLICE_S": "60", "FORWARDER_ACCOUNT_IN_FLIGHT": "1"}
    sandbox.faults({"delay": 0.3})
    lines = samples("21021", 10_000)
    worker = workers.start("--pool", pool)
    _replace_children(worker)
    cli.enqueue(lines)
    sandbox.wait(requests=2)
    seen = len(sandbox.requests())
    ended_within(worker, number, 10)
    ledger = cli.ledger()
    assert worker.exit_status == 0, worker.ending()
    assert (ledger["in_flight"], ledger["waiting"]) == (0, 0)
    assert seen <= len(sandbox.requests()) <= seen + 2
    assert ledger["delivered"] == sum(times_accepted(sandbox).values()) == len(times_accepted(sandbox))


def _replace_children(worker: Child) -> None:
    first = children_of(worker)
    signalled(first, signal.SIGKILL)
    eventually(lambda: len(alive(children_of(worker)) - first) == len(first))


def test_sigquit_after_sigterm_breaks_off_what_is_in_flight_and_loses_nothing(
    cli: Cli, env: Environment, sandbox: Sandbox, workers: Workers
) -> None:
    """Leases bring it back; it may arrive twice."""
    env |= {"FORWARDER_LEASE_S": "3", "FORWARDER_HTTP_TIMEOUT_S": "2"}
    sandbox.faults({"delay": 1})
    lines = samples("21041", 2_000)
    worker = workers.start()
    cli.enqueue(lines)
    sandbox.wait(requests=1)
    os.kill(worker.pid, signal.SIGTERM)
    ended_within(worker, signal.SIGQUIT, 10)
    sandbox.faults()
    workers.start()
    assert cli.drain()["delivered"] == 2_000
    assert times_accepted(sandbox).keys() == ids_of(lines)
