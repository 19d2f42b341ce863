"""A worker that ends, by force or in order, loses no event; what may be doubled is known."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Environment
from tests.integration.support import Cli, ids_of, samples, times_accepted
from tests.support.sandbox import Sandbox
from worker.stack.child import Child

ACCOUNTS = ("20001", "20002", "20003", "20004", "20005")
EVENTS = 10_000
KILLED_AT = (1_000, 4_000, 7_000)


def test_a_worker_killed_three_times_under_load_doubles_only_what_was_in_flight(
    cli: Cli, env: Environment, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    """SIGKILL to all its processes. Another worker takes over once the leases are over."""
    env |= {"FORWARDER_LEASE_S": "3", "FORWARDER_HTTP_TIMEOUT_S": "2"}
    sandbox.faults({"delay": 0.3})  # taken in at once, answered later: at each kill there is something in flight
    lines = [line for account in ACCOUNTS for line in samples(account, EVENTS // len(ACCOUNTS))]
    worker = start_worker()
    cli.enqueue(lines)
    unsettled = 0
    for events in KILLED_AT:
        sandbox.wait(events=events)
        worker.kill()
        in_flight = cli.ledger()["in_flight"]
        assert in_flight > 0
        unsettled += in_flight
        worker = start_worker()
    ledger = cli.drain()
    accepted = times_accepted(sandbox)
    assert accepted.keys() == ids_of(lines)
    assert 0 < sum(accepted.values()) - EVENTS <= unsettled
    assert (ledger["delivered"], ledger["dead"]) == (EVENTS, 0)


def test_a_worker_that_is_asked_to_end_finishes_what_it_sends_and_doubles_nothing(
    cli: Cli, env: Environment, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    """SIGTERM under load: it ends by itself, with nothing in flight; the next worker goes on where it stopped."""
    env |= {"FORWARDER_TASK_SLICE_S": "1", "FORWARDER_ACCOUNT_IN_FLIGHT": "2"}
    sandbox.faults({"delay": 0.25})
    lines = [line for account in ACCOUNTS for line in samples(account, EVENTS // len(ACCOUNTS))]
    worker = start_worker()
    cli.enqueue(lines)
    sandbox.wait(events=1_000)
    worker.stop(grace_s=20)
    ledger = cli.ledger()
    assert worker.exit_status == 0, worker.ending()
    assert ledger["in_flight"] == 0
    assert 1_000 <= ledger["delivered"] < EVENTS, "the load was over before the worker was asked to end"
    start_worker()
    assert cli.drain()["delivered"] == EVENTS
    assert times_accepted(sandbox) == dict.fromkeys(ids_of(lines), 1)
