"""`forwarder erase` while producers enqueue and a worker delivers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from producers import Producer
from tests.integration.support import Forwarder, ids_of, running, samples, times_accepted
from worker.stack.redis_server import EmbeddedRedis

CHUNK, CHUNKS, EVERY = 50, 60, 10
QUICK = {"FORWARDER_EVENT_API_MAX_EVENTS": "10", "FORWARDER_LINGER_MS": "20", "FORWARDER_SHARDS": "2"}
HERS = {"email": "jane@private.example"}


def test_every_event_is_delivered_once_or_hers_and_erased(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    """The command ends when nothing of hers is left: in no batch, and in no request under way."""
    with running(redis_server.url, tmp_path, **QUICK) as forwarder:
        forwarder.sandbox.faults({"delay": 0.05, "probability": 0.5}, {"status": 503, "probability": 0.05}, seed=1)
        with ThreadPoolExecutor(1) as shop:
            enqueued = shop.submit(_enqueue, forwarder)
            erased = [forwarder.cli.done("erase", "--email", HERS["email"], "--yes", "--json").json]
            hers, others = enqueued.result()
        erased.append(forwarder.cli.done("erase", "--email", HERS["email"], "--yes", "--json").json)
        total = sum(count for each in erased for states in each["erased"].values() for count in states.values())
        forwarder.sandbox.faults()
        ledger = forwarder.cli.drain()
        arrived = times_accepted(forwarder.sandbox)
        assert others <= set(arrived)
        assert set(arrived) <= hers | others
        assert set(arrived.values()) == {1}
        assert 0 < total == len(hers | others) - len(arrived) == ledger["discarded"]
        assert ledger["delivered"] == len(arrived)


def _enqueue(forwarder: Forwarder) -> tuple[set[str], set[str]]:
    """Ids of hers, and of all others; accounts of both."""
    hers, others = [], []
    with closing(Producer.from_env(forwarder.cli.env)) as producer:
        for number in range(CHUNKS):
            account = f"4600{number % 3}"
            lines = samples(account, CHUNK, first=number * CHUNK)
            mine = samples(account, CHUNK // EVERY, first=100_000 + number * CHUNK, **HERS)
            assert not any(result.error for result in producer.enqueue_many([*mine, *lines]))
            hers += mine
            others += lines
    return ids_of(hers), ids_of(others)
