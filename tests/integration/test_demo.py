"""`forwarder demo` shows the main job on parts of its own, whatever the shop's environment says."""

from __future__ import annotations

import os
from pathlib import Path

from producers.destinations import DESTINATIONS
from tests.integration.support import Cli
from worker.stack import parts

HOSTILE = {
    "REDIS_URL": "redis://:secret@127.0.0.1:1/0",
    "CELERY_BROKER_URL": "amqp://nobody@127.0.0.1:1//",
    "FORWARDER_REDIS_URL": "rubbish",
    "FORWARDER_BROKER_URL": "rubbish",
    "FORWARDER_ENV": "production",
    "FORWARDER_EVENT_API_URL": "https://api.rokt.invalid",
    "FORWARDER_CREDENTIALS_FILE": "/no/such/file.toml",
    "FORWARDER_LINGER_MS": "3600000",
    "FORWARDER_EVENT_API_LINGER_MS": "never",
    "FORWARDER_KEY_PREFIX": "a shop",
    "FORWARDER_SHARDS": "0",
    "FORWARDER_MAX_ATTEMPTS": "0",
    "FORWARDER_DATA_DIR": "/proc/no",
    "FLOWER_BASIC_AUTH": "x",
    "LOG_LEVEL": "LOUD",
    "CELERY_CONFIG_MODULE": "no_such_module",
}


def counts(text: str) -> dict[str, list[str]]:
    """The rows of the summary: destination -> accepted, delivered, dead letters, requests, events a request."""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in rows if len(cells) == 6 and cells[0] in DESTINATIONS}


def test_the_demo_ends_by_itself_with_counts_that_are_right_in_a_hostile_environment(tmp_path: Path) -> None:
    """It uses parts of its own, is steered by no variable, and leaves nothing behind."""
    ended = Cli({**os.environ, **HOSTILE}, tmp_path).run("demo", "--events", "600")
    assert (ended.status, ended.err) == (0, "")
    told = " ".join(ended.out.split())
    assert "Every ledger balances, and the sandbox has each event exactly once." in told
    happened = counts(ended.out)
    assert {name: row[:3] for name, row in happened.items()} == {
        "event-api": ["600", "588", "12"],
        "server-events": ["300", "300", "0"],
        "audience": ["650", "650", "0"],
    }
    assert int(happened["event-api"][3]) in range(6, 13)
    assert "6 refused by the producer" in told
    assert "12 replayed with their first ids and times" in told
    assert list(tmp_path.iterdir()) == []


def test_a_number_of_events_that_cannot_be_is_wrong_usage(tmp_path: Path) -> None:
    for events in ("0", "many"):
        assert Cli(parts.clean(os.environ), tmp_path).run("demo", "--events", events).status == 2
