"""With `FORWARDER_PII=hash` no personal value is found anywhere: everything that is written or shown is searched."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from producers import Fate, InvalidEvent, Producer
from producers.checkout import Customer, Device, conversion
from producers.normalisation import hashed_email
from tests.integration.support import Forwarder, eventually, running
from worker.connection.client import sync_redis
from worker.stack import parts
from worker.stack.ports import free_port, wait_http
from worker.stack.redis_server import EmbeddedRedis

EMAIL = "Wilhelmina.F@Example.com"
PERSON = Customer(
    email=EMAIL,
    first_name="Wilhelmina",
    last_name="Featherstonehaugh",
    mobile="+1 (323) 867-5309",
)
DEVICE = Device(ip_address="172.31.251.182")
PLAIN = ("wilhelmina", "featherstonehaugh", "867-5309", "8675309", "172.31.251.182")
PASSWORD = "correct-horse"


class Ground(NamedTuple):
    """A forwarder on a Redis whose every write is on disk, and the folder of its spool."""

    forwarder: Forwarder
    redis: EmbeddedRedis
    data: Path
    spool: Path

    def searched(self) -> dict[str, str]:
        """Where -> all that is written there, in small letters."""
        files = [each for folder in (self.data, self.spool) for each in folder.rglob("*") if each.is_file()]
        files += self.forwarder.cli.folder.glob("*.log")
        return {str(each): each.read_bytes().decode("latin-1").lower() for each in files}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    data, spool = tmp_path / "redis", tmp_path / "spool"
    (tmp_path / "forwarder").mkdir()
    with EmbeddedRedis(data, appendfsync="always") as redis:
        settings = {"FORWARDER_PII": "hash", "FORWARDER_SPOOL_DIR": str(spool)}
        with running(redis.url, tmp_path / "forwarder", **settings) as forwarder:
            yield Ground(forwarder, redis, data, spool)


def bought(order: str, currency: str = "USD") -> dict[str, Any]:
    return conversion(order_id=order, amount="85.00", currency=currency, customer=PERSON, device=DEVICE)


def found_in(texts: dict[str, str]) -> list[tuple[str, str]]:
    return [(where, plain) for where, text in texts.items() for plain in PLAIN if plain in text]


def test_no_personal_value_is_found_anywhere(ground: Ground) -> None:
    """Delivered, refused and replayed events, a spool, faults, logs, dead letters and Flower."""
    cli = ground.forwarder.cli
    ground.forwarder.sandbox.faults({"match": {"event": {"objectData.currency": "XXX"}}, "refuse": True})
    with contextlib.closing(Producer.from_env(cli.env)) as producer, flower_of(ground) as flower:
        producer.enqueue("event-api", account="81001", event=bought("good"), id="good")
        producer.enqueue("event-api", account="81001", event=bought("bad", "XXX"), id="bad")
        cli.drain()
        assert cli.done("dlq", "replay", "--all", "--yes").status == 0
        cli.drain()
        shown = {
            "letters": cli.done("dlq", "list", "--json").out,
            "letter": cli.done("dlq", "show", "bad").out,
            **{path: flower.get(path).raise_for_status().text for path in ("/tasks", "/api/tasks", "/api/workers")},
        }
        producer.enqueue("audience", account="81001", event={"action": "include", "email": EMAIL})
        wrong = conversion(order_id="x", amount="1", currency="USD", extra={"mobile": "call Wilhelmina"})
        with pytest.raises(InvalidEvent) as refused:
            producer.enqueue("event-api", account="81001", event=wrong)
        shown["fault"] = str(refused.value)
        ground.redis.kill()
        assert producer.enqueue("event-api", account="81001", event=bought("later"), id="later").fate is Fate.SPOOLED
        texts = ground.searched()
        assert any(where.endswith(".db-wal") for where in texts), "the spool was searched"
        ground.redis.restart()
        eventually(lambda: "later" in ground.forwarder.sandbox.ids("81001").get("81001", {}))
    everything = {**texts, **ground.searched(), **{where: text.lower() for where, text in shown.items()}}
    assert not found_in(everything)
    assert any(hashed_email(EMAIL) in text for text in everything.values()), "its hash is what was kept"


def test_a_message_of_the_queue_that_is_no_event_is_kept_without_them(ground: Ground) -> None:
    """Whoever put it there has shown it to the broker; the dead letter does not."""
    cli = ground.forwarder.cli
    event = {"eventType": "", "objectData": [{"name": "email", "value": EMAIL}]}
    line = {"destination": "event-api", "account": "81001", "event": event}
    with contextlib.closing(sync_redis(ground.redis.url)) as redis:
        redis.lpush(f"{cli.env['FORWARDER_KEY_PREFIX']}.events", json.dumps(line), "no JSON of Wilhelmina")
    letters = eventually(lambda: (told := cli.done("dlq", "list", "--json").json) and len(told) == 2 and told)
    assert not found_in({"letters": json.dumps(letters).lower()})
    assert hashed_email(EMAIL) in json.dumps(letters)


@contextlib.contextmanager
def flower_of(ground: Ground) -> Iterator[httpx.Client]:
    port = free_port()
    cli = ground.forwarder.cli
    child = parts.flower(cli.env, Path(cli.folder), port, PASSWORD).start()
    try:
        url = f"http://127.0.0.1:{port}"
        wait_http(f"{url}/healthcheck", parts.READY_S, child)
        with httpx.Client(base_url=url, auth=("forwarder", PASSWORD), trust_env=False, timeout=30) as client:
            eventually(lambda: client.get("/workers", params={"json": "1"}).json()["data"])
            yield client
    finally:
        child.kill()
