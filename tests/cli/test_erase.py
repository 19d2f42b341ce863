"""`forwarder erase` and `audit`: what they say, what they keep to themselves, and how they end."""

from __future__ import annotations

from hashlib import sha256

import pytest
from redis.asyncio import Redis

from producers.keys import Slot
from tests.cli.conftest import entries
from tests.integration.support import Cli, sample, samples
from worker.buffer.batches import Limits
from worker.buffer.buffer import Buffer
from worker.connection.client import sync_redis

JANE = "jane.3@private.example"  # the fourth of the samples
HASH = sha256(JANE.encode()).hexdigest()


async def test_a_person_is_erased_told_by_destination_and_state_and_noted(cli: Cli, redis: Redis, prefix: str) -> None:
    """And looked for before without a change. What is not read yet from the queue is told."""
    cli.enqueue([*samples("45001", 6), {**sample("45002", 3), "id": None}])
    await redis.lpush(f"{prefix}.events", b"{}")
    dry = cli.done("erase", "--email", JANE, "--dry-run", "--json")
    assert dry.json["found"] == {"event-api": {"open": 2}}
    assert entries(cli) == []
    ended = cli.done("erase", "--email", f" {JANE.upper()}", "--reason", "she asked", "--yes")
    assert ended.out == "event-api: 2 open erased\n"
    assert "1 messages of the intake's queue" in ended.err
    ledger = cli.ledger()
    assert (ledger["accepted"], ledger["discarded"], ledger["open"] + ledger["ready"]) == (7, 2, 5)
    entry, begun = entries(cli)
    assert (entry["action"], begun["action"]) == ("erase", "erase begun")
    assert begun["details"] == {"sha256": [HASH], "reason": "she asked"}
    assert entry["by"].count("@") == 1
    assert (entry["why"], entry["via"], entry["run"]) == ("she asked", "cli", begun["run"])
    assert entry["details"] == {
        "sha256": [HASH],
        "erased": 2,
        "by_state": {"event-api": {"open": 2}},
        "left_in_flight": 0,
        "reason": "she asked",
    }
    for said in (ended.out, ended.err, dry.out, dry.err, cli.done("audit").out):
        assert JANE not in said.lower()
    again = cli.done("erase", "--sha256", HASH)
    assert again.out == "nothing was found\n"
    assert [each["details"].get("erased") for each in entries(cli)] == [0, None, 2, None]
    assert len(entries(cli, "--limit", "1")) == 1


async def test_what_is_in_flight_when_time_is_over_fails_and_is_told(cli: Cli, redis: Redis, prefix: str) -> None:
    cli.enqueue([sample("45001", 3)])
    buffer = Buffer(redis, Slot(prefix, "event-api", 0))
    while not (await buffer.claim(Limits(60_000, 1, 1))).batches:
        pass  # it lingers for a tenth of a second
    ended = cli.run("erase", "--email", JANE, "--timeout", "0", "--yes", "--json")
    assert ended.status == 1, ended
    assert (ended.json["erased"], ended.json["left"]) == ({}, {"event-api": {"in_flight": 1}})
    assert entries(cli)[0]["details"]["left_in_flight"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--email", "nobody"),
        ("--sha256", JANE),
        ("--email", HASH),
        ("--email", JANE, "--reason", f"asked by {JANE}"),
        ("--email", JANE, "--timeout", "-1"),
    ],
)
def test_wrong_usage_ends_with_two_and_does_not_repeat_the_address(cli: Cli, arguments: tuple[str, ...]) -> None:
    ended = cli.run("erase", *arguments)
    assert ended.status == 2, ended
    assert JANE not in ended.err
    assert "Traceback" not in ended.err


def test_an_audit_that_cannot_be_written_is_told_and_fails(cli: Cli, prefix: str) -> None:
    """Then nothing is erased."""
    cli.enqueue([sample("45001", 3)])
    with sync_redis(cli.env["FORWARDER_REDIS_URL"]) as redis:
        redis.set(f"{prefix}:audit", "no stream")
    ended = cli.run("erase", "--email", JANE, "--yes")
    assert ended.status == 1
    assert "erase begun: no entry could be written to the audit" in ended.err
    assert cli.ledger()["discarded"] == 0
