"""A replay runs in the worker: it survives a kill, is steered by commands, and what is live goes beside it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from producers.keys import Slot
from tests.integration.support import FORWARDER, Cli, eventually, ids_of, running, samples, times_accepted
from tests.support.sandbox import Sandbox
from worker.connection.client import sync_redis
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

SHOP = """
import time

def agreed(destination, account, event):
    if account.startswith("slow"):
        time.sleep(0.05)
    if account.startswith("careful"):
        return {"0": True, "1": False}[event["clientEventId"][-1]]
    return True
"""
_numbers = count(1)


class Shop:
    """A sandbox, a worker that may be killed, and the command line to both."""

    def __init__(self, cli: Cli, sandbox: Sandbox, worker: Child) -> None:
        self.cli = cli
        self.sandbox = sandbox
        self.worker = worker
        self.prefix = cli.env["FORWARDER_KEY_PREFIX"]
        self.redis = sync_redis(cli.env["FORWARDER_REDIS_URL"])
        self.slot = Slot(self.prefix, "event-api", 0)

    def letters(self, many: int, name: str = "account") -> tuple[str, set[str]]:
        """So many letters of an account of their own, whose cause is mended."""
        account = f"{name}-{next(_numbers)}"
        lines = samples(account, many)
        self.sandbox.faults({"refuse": True, "code": "NotToday", "match": {"account": account}})
        self.cli.enqueue(lines, FORWARDER_CONSENT="")
        self.cli.drain()
        self.sandbox.faults()
        return account, ids_of(lines)

    def accepted(self, account: str) -> dict[str, int]:
        return times_accepted(self.sandbox, account)

    def replay(self, account: str, *options: str) -> str:
        """Begun, and left to the worker."""
        told = self.cli.done("dlq", "replay", "--account", account, "--detach", "--yes", "--json", *options).json
        return str(told["replay"])

    def progress(self, replay: str) -> dict[str, Any]:
        (one,) = self.cli.done("dlq", "replays", replay, "--json").json
        return dict(one)

    def field(self, replay: str, name: str) -> str:
        """As it lies in Redis: a command takes longer than some moments last."""
        return str((self.redis.hget(self.slot.key("replay", replay), name) or b"").decode())  # type: ignore[union-attr]

    def done(self, replay: str) -> dict[str, Any]:
        eventually(lambda: self.field(replay, "state") == "done")
        return self.progress(replay)

    def on_their_way(self) -> int:
        return int(str(self.redis.hlen(self.slot.key("replaying"))))


@pytest.fixture(scope="module")
def shop(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("replay-in-worker")
    (folder / "a_careful_shop.py").write_text(SHOP, "utf-8")
    ours = {"PYTHONPATH": str(folder), "FORWARDER_CONSENT": "a_careful_shop:agreed", "FORWARDER_LEASE_S": "4"}
    ours |= {"FORWARDER_HTTP_TIMEOUT_S": "3"}
    with running(redis_server.url, folder, **ours) as (cli, sandbox, worker):
        shop = Shop(cli, sandbox, worker)
        yield shop
        shop.worker.kill()


def test_a_kill_in_the_middle_moves_each_chosen_letter_once_and_no_other(shop: Shop) -> None:
    """The whole group of processes dies; the next worker goes on. Only requests in flight may come twice."""
    account, chosen = shop.letters(2_000)
    other, others = shop.letters(20)
    delivered = shop.cli.ledger()["delivered"]
    replay = shop.replay(account, "--rate", "1500")
    eventually(lambda: int(shop.field(replay, "moved") or 0) >= 500)
    shop.worker.kill()
    in_flight = shop.cli.ledger()["in_flight"]
    assert 500 <= int(shop.field(replay, "moved")) < 2_000, "it was killed too late"
    shop.worker = parts.worker(shop.cli.env, shop.cli.folder, ("-c", "2"), "next").start()
    ended = shop.done(replay)
    assert (ended["state"], ended["chosen"], ended["moved"]) == ("done", 2_000, 2_000)
    ledger = shop.cli.drain()
    assert (ledger["delivered"] - delivered, ledger["dead"]) == (2_000, 20)
    came = shop.accepted(account)
    assert set(came) == chosen
    assert sum(came.values()) - len(chosen) <= in_flight
    assert shop.accepted(other) == {}
    assert {letter["id"] for letter in shop.cli.letters()} == others
    shop.cli.done("dlq", "discard", "--all", "--yes")


def test_a_replay_is_paused_resumed_and_cancelled_by_its_id(shop: Shop) -> None:
    account, _ = shop.letters(300)
    replay = shop.replay(account, "--rate", "50", "--why", "currency mended")
    eventually(lambda: int(shop.field(replay, "moved") or 0) > 0)
    assert "paused" in shop.cli.done("dlq", "pause", replay).out
    moved = shop.progress(replay)["moved"]
    shop.cli.drain()
    rested = shop.progress(replay)
    assert (rested["state"], rested["moved"], rested["why"]) == ("paused", moved, "currency mended")
    shop.cli.done("dlq", "resume", replay)
    eventually(lambda: int(shop.field(replay, "moved")) > moved)
    shop.cli.done("dlq", "cancel", replay, "--why", "too soon")
    ended = shop.progress(replay)
    assert ended["state"] == "cancelled"
    assert shop.cli.drain()["dead"] == 300 - ended["moved"] > 0
    again = shop.cli.run("dlq", "resume", replay)
    assert (again.status, "no replay that is not over" in again.err) == (1, True)
    audit = shop.cli.done("audit", "--json").json[:8]
    actions = [entry["action"] for entry in audit]
    cancelled = ["dlq cancel", "dlq replay", "dlq cancel begun"]  # told before it is done; and the end of the replay
    steered = [action for verb in ("resume", "pause") for action in (f"dlq {verb}", f"dlq {verb} begun")]
    assert actions == [*cancelled, *steered, "dlq replay begun"]
    assert [entry["why"] for entry in audit if entry["action"].startswith("dlq cancel")] == ["too soon"] * 2
    assert (audit[1]["details"]["replayed"], audit[1]["details"]["cancelled"]) == (ended["moved"], True)
    shop.cli.done("dlq", "discard", "--all", "--yes")


def test_the_end_of_a_replay_that_nobody_waits_for_is_in_the_audit(shop: Shop) -> None:
    account, _ = shop.letters(20)
    replay = shop.replay(account, "--why", "mended")
    shop.done(replay)

    def of_it() -> list[dict[str, Any]]:
        return [each for each in shop.cli.done("audit", "--json").json if each["details"].get("replay") == replay]

    ended, begun = eventually(lambda: of_it() if len(of_it()) > 1 else None)
    assert (begun["action"], begun["details"]["chosen"], begun["via"]) == ("dlq replay begun", 20, "cli")
    told = (ended["action"], ended["details"]["replayed"], ended["via"], ended["why"])
    assert told == ("dlq replay", 20, "worker", "mended")
    assert (ended["run"], ended["by"]) == (begun["run"], begun["by"])
    shop.cli.done("dlq", "discard", "--all", "--yes")


def test_what_would_be_moved_is_told_and_a_limit_is_kept(shop: Shop) -> None:
    account, _ = shop.letters(120)
    told = shop.cli.done("dlq", "replay", "--account", account, "--limit", "70", "--dry-run", "--json").json
    row = {"destination": "event-api", "account": account, "code": "NotToday"}
    counts = {"would_move": 70, "expired": 0, "overtaken": 0}
    assert told == {**counts, "missing": [], "by": [{**row, **counts}]}
    assert shop.cli.ledger()["dead"] == 120
    ended = shop.cli.done("dlq", "replay", "--account", account, "--limit", "70", "--yes", "--json")
    assert ended.json == {"replayed": 70, "missing": []}
    assert shop.cli.drain()["dead"] == 50
    shop.cli.done("dlq", "discard", "--all", "--yes")


def test_live_events_of_the_account_wait_for_one_replayed_batch_at_most(shop: Shop) -> None:
    """However slow Rokt is: the rest of the letters stay where they are until that one is settled."""
    account, _ = shop.letters(1_000)
    shop.sandbox.faults({"delay": 0.3, "match": {"account": account}})
    before = len(shop.sandbox.requests(account))
    replay = shop.replay(account)
    eventually(lambda: int(shop.field(replay, "moved") or 0) >= 200)
    live = samples(account, 5, first=5_000)
    shop.cli.enqueue(live)
    most, moved = 0, 0
    while not ids_of(live) <= set(shop.accepted(account)):
        most, moved = max(most, shop.on_their_way()), int(shop.field(replay, "moved"))
    assert (most, moved < 1_000) == (1, True)
    shop.sandbox.faults()
    assert shop.done(replay)["moved"] == 1_000
    shop.cli.drain()
    requests = shop.sandbox.requests(account)[before:]
    assert len(requests) <= 12, "and the letters went in full batches"


def test_the_worker_asks_the_shop_and_leaves_what_it_cannot_decide(shop: Shop) -> None:
    account, _ = shop.letters(10, "careful")
    ended = shop.cli.run("dlq", "replay", "--account", account, "--yes", "--json")
    assert ended.status == 1
    undecided = [f"{account}-{number}" for number in range(2, 10)]
    assert ended.json == {"replayed": 1, "missing": [], "withheld": 1, "undecided": undecided}
    shop.cli.drain()
    assert shop.accepted(account) == {f"{account}-0": 1}
    shop.cli.done("dlq", "discard", "--all", "--yes")


def test_a_shop_that_thinks_for_longer_than_a_task_lasts_is_waited_for_and_what_is_live_is_not_held_up(
    shop: Shop,
) -> None:
    """All its letters together take more than the seconds of a task; what it has answered goes on its way meanwhile."""
    account, chosen = shop.letters(160, "slow")
    replay = shop.replay(account)
    eventually(lambda: 0 < int(shop.field(replay, "moved") or 0) < 160, 4)
    shop.cli.enqueue(samples("live", 3), FORWARDER_CONSENT="")
    eventually(lambda: len(shop.accepted("live")) == 3, 5)
    assert shop.field(replay, "state") == "running"
    ended = shop.done(replay)
    assert (ended["moved"], ended["undecided"]) == (160, 0)
    shop.cli.drain()
    assert set(shop.accepted(account)) == chosen


@contextmanager
def command(shop: Shop, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """One that runs."""
    environ, pipe = {**shop.cli.env}, subprocess.PIPE
    process = subprocess.Popen(
        [FORWARDER, *arguments], env=environ, cwd=Path(shop.cli.folder), stdout=pipe, stderr=pipe, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_ctrl_c_leaves_it_running_and_says_so(shop: Shop) -> None:
    account, chosen = shop.letters(400)
    with command(shop, "dlq", "replay", "--account", account, "--rate", "100", "--yes") as process:
        (replay,) = eventually(lambda: shop.redis.zrange(shop.slot.key("replays"), 0, -1))
        eventually(lambda: int(shop.field(replay.decode(), "moved") or 0) > 50)  # by then the command follows it
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"{replay.decode()} goes on in the workers" in told
    assert shop.done(replay.decode())["moved"] == 400
    shop.cli.drain()
    assert shop.accepted(account) == dict.fromkeys(chosen, 1)
