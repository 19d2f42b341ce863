"""The main job: ten thousand single events of five accounts leave in full batches, each exactly once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Environment
from tests.integration.support import PRIVATE, SECRETS, Cli, Line, ids_of, sample, times_accepted
from tests.support.sandbox import Sandbox
from worker.stack.child import Child

ACCOUNTS = ("10001", "10002", "10003", "10004", "10005")
EVENTS = 10_000


def mixed(count: int) -> list[Line]:
    """Events of all accounts in no order."""
    chance = random.Random(3)
    return [sample(chance.choice(ACCOUNTS), number) for number in range(count)]


def test_ten_thousand_events_arrive_exactly_once_in_full_batches(
    cli: Cli, env: Environment, sandbox: Sandbox, start_worker: Callable[..., Child], tmp_path: Path
) -> None:
    """Only what was left when the last events had lingered goes in smaller requests."""
    env["FORWARDER_ACCOUNT_IN_FLIGHT"] = "8"
    env["FORWARDER_LINGER_MS"] = "2000"  # longer than a busy machine lets a shop wait for its turn
    start_worker()
    lines = mixed(EVENTS)
    cli.enqueue(lines)
    ledger = cli.drain()
    assert times_accepted(sandbox) == dict.fromkeys(ids_of(lines), 1)
    assert (ledger["accepted"], ledger["delivered"]) == (EVENTS, EVENTS)
    for account, ids in sandbox.ids().items():
        assert ids.keys() == ids_of(line for line in lines if line["account"] == account)
    for account, events in Counter(line["account"] for line in lines).items():
        sizes = [request["events"] for request in sandbox.requests(account)]
        assert all(size == 100 for size in sizes[:-8]), sizes  # eight of an account are under way at a time
        assert len([size for size in sizes if size < 100]) <= 2, sizes
        assert sum(sizes) == events
    log = (tmp_path / "worker0.log").read_text()
    assert log.count('"event": "attempt"') == len(sandbox.requests())
    for secret in (PRIVATE, "objectData", *SECRETS):
        assert secret not in log
