"""`forwarder dlq replay` where `FORWARDER_CONSENT` names a function of the shop's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis.asyncio import Redis

from producers.errors import Fault, InvalidEvent
from producers.keys import Slot
from producers.stored_event import decode, event_time_of
from tests.integration.support import Cli, sample
from worker.buffer.batches import Death, Limits, Settlement
from worker.buffer.buffer import Buffer
from worker.connection.client import sync_redis
from worker.intake.letters import reject

SHOP = """
def agreed(destination, account, event):
    assert account == "47001"
    return {"0": True, "1": False}[event["clientEventId"][-1]]
"""
YES, NO, NOBODY_KNOWS = 0, 1, 2
LINES = [sample("47001", number) for number in (YES, NO, NOBODY_KNOWS, 10)]


@pytest.fixture
def careful(cli: Cli, tmp_path: Path) -> Cli:
    """With the shop's function at hand."""
    (tmp_path / "a_shop.py").write_text(SHOP, "utf-8")
    cli.env = {**cli.env, "PYTHONPATH": str(tmp_path)}
    return cli


CONSENT = {"FORWARDER_CONSENT": "a_shop:agreed"}


async def bury(redis: Redis, prefix: str) -> None:
    """All events die."""
    buffer = Buffer(redis, Slot(prefix, "event-api", 0))
    while not (batches := (await buffer.claim(Limits(60_000, 1, 1))).batches):
        pass  # they linger for a tenth of a second
    (stored,) = await buffer.read(batches)
    ids = [json.loads(decode(each).payload)["clientEventId"] for each in stored]
    dead = [Death(name, "No", event_time_of(each), each) for name, each in zip(ids, stored, strict=True)]
    await buffer.settle(batches[0], Settlement(0, tuple(dead)))


async def test_each_letter_is_asked_about_and_what_became_of_it_is_told(
    careful: Cli, redis: Redis, prefix: str
) -> None:
    careful.enqueue(LINES)
    await bury(redis, prefix)
    ended = careful.run("dlq", "replay", "--all", "--yes", **CONSENT)
    assert (ended.status, ended.out) == (1, "2 replayed, 1 withheld and discarded\n"), ended
    assert "the consent callback raised for 47001-2, which stays a dead letter" in ended.err
    ledger = careful.ledger()
    assert (ledger["ready"], ledger["discarded"], ledger["dead"]) == (2, 1, 1)
    ended_as, begun = careful.done("audit", "--json").json
    assert (begun["action"], begun["details"]["chosen"]) == ("dlq replay begun", 4)
    counts = {"replayed": 2, "withheld": 1, "undecided": 1}
    assert (ended_as["action"], ended_as["details"]) == ("dlq replay", {"replay": begun["details"]["replay"], **counts})
    again = careful.done("dlq", "replay", "47001-2", "--yes", "--json")
    assert again.json == {"replayed": 1, "missing": []}, "who asks for no consent sends all of it"


async def test_messages_of_the_intake_are_asked_about_too(careful: Cli, prefix: str) -> None:
    """Who did not agree counts as accepted and discarded, as at `enqueue`."""
    with sync_redis(careful.env["FORWARDER_REDIS_URL"]) as redis:
        fault = InvalidEvent([Fault("event", "was not known then")])
        reject(redis, prefix, [(json.dumps(line).encode(), fault) for line in LINES])
    ended = careful.run("dlq", "replay", "--destination", "intake", "--yes", "--json", **CONSENT)
    assert ended.status == 1
    assert ended.json == {"replayed": 2, "missing": [], "withheld": 1, "undecided": ["47001-2"]}
    ledger = careful.ledger()
    assert (ledger["accepted"], ledger["open"], ledger["discarded"]) == (3, 2, 1)
    assert [letter["id"] for letter in careful.letters()] == ["47001-2"]


def test_a_function_that_is_not_there_is_wrong_usage(cli: Cli) -> None:
    ended = cli.run("dlq", "replay", "--all", FORWARDER_CONSENT="a_shop:nothing")
    assert ended.status == 2
    assert "FORWARDER_CONSENT" in ended.err
