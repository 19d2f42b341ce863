"""The ACL rules of ops/docs/redis.md are enough for a shop and for a worker, and hold the shop off the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from kombu import Connection, Queue
from redis import Redis

from producers import EnqueueFailed, Producer
from tests.integration.support import PRIVATE, environment, eventually, running, sample, samples, times_accepted
from worker.stack import parts
from worker.stack.ports import free_port, wait_http
from worker.stack.redis_server import EmbeddedRedis

PAGE = Path(__file__).parents[2] / "ops" / "docs" / "redis.md"
RULES = re.compile(r"```acl\nuser (\w+) (.*)\n```")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """With the users of the page, and no other that may do anything but the test's own."""
    with EmbeddedRedis(tmp_path / "guarded") as server, Redis(port=server.port) as redis:
        redis.execute_command("ACL", "SETUSER", "test", "on", ">test", "~*", "&*", "+@all")
        for name, rules in RULES.findall(PAGE.read_text("utf-8")):
            redis.execute_command("ACL", "SETUSER", name, *rules.replace("PASSWORD", "p@ss").split())
        redis.execute_command("ACL", "SETUSER", "default", "off")
        redis.connection_pool.disconnect()
        yield server


def url(server: EmbeddedRedis, user: str) -> str:
    return server.url.replace("redis://", f"redis://{user}:p%40ss@")


def denied(server: EmbeddedRedis) -> list[dict[str, Any]]:
    """What was refused to whom."""
    with Redis(port=server.port, username="test", password="test", decode_responses=True) as redis:
        return [{key: each[key] for key in ("username", "reason", "object")} for each in redis.acl_log()]


def test_the_rules_of_the_page_are_enough(guarded: EmbeddedRedis, tmp_path: Path) -> None:
    """Delivery, dead letters, replay, discard, the queue of the intake, every command of the CLI."""
    ours = {"FORWARDER_KEY_PREFIX": "forwarder", "FORWARDER_MAX_ATTEMPTS": "1"}
    with running(url(guarded, "worker"), tmp_path, **ours) as forwarder:
        cli, sandbox = forwarder.cli, forwarder.sandbox
        shop = closing(Producer.from_env({**cli.env, "FORWARDER_REDIS_URL": url(guarded, "shop")}))
        with shop as producer:
            assert not [result for result in producer.enqueue_many(samples("43001", 700)) if result.error]
        _put_into_the_queue(url(guarded, "worker"), sample("43002", 1), {"no": "event"})
        eventually(lambda: "43002-1" in times_accepted(sandbox) or denied(guarded))
        assert not denied(guarded)
        assert cli.drain()["delivered"] == 701
        sandbox.faults({"status": 503, "times": 2})
        cli.enqueue(samples("43003", 2) + samples("43004", 1))
        assert cli.drain()["dead"] == 3
        kept = cli.done("dlq", "export").out
        assert cli.run("dlq", "import", "-", given=kept).out == "0 imported, 4 were there already, 0 refused\n"
        cli.done("dlq", "replay", "--account", "43003", "--yes")
        cli.done("dlq", "discard", "--account", "43004", "--yes")
        cli.enqueue(samples("43005", 2))
        cli.done("erase", "--email", f"jane.0{PRIVATE}", "--yes")
        cli.done("audit")
        cli.run("dlq", "list", "--expired", "--code", "X")
        for command in (["dlq", "list"], ["dlq", "stats"], ["dlq", "show", "43003-1"], ["status"], ["health"]):
            cli.run(*command)
        cli.done("find", "43003-1", "--account", "43003")
        cli.drain()
        _flower_sees_the_worker(cli.env, tmp_path)
        forwarder.worker.stop(20)
    assert not denied(guarded)


def test_a_shop_can_neither_read_nor_delete_what_waits(guarded: EmbeddedRedis) -> None:
    with Redis(port=guarded.port, username="shop", password="p@ss") as shop:
        for command in (["GET", "forwarder:terms"], ["LRANGE", "forwarder:1:x", 0, -1], ["DEL", "forwarder:1:x"]):
            with pytest.raises(Exception, match="no permissions"):
                shop.execute_command(*command)
        with pytest.raises(Exception, match="No permissions to access a key"):
            shop.execute_command("SET", "another", 1)


def test_a_password_that_is_wrong_is_told_and_not_shown(guarded: EmbeddedRedis) -> None:
    env = environment(guarded.url.replace("redis://", "redis://shop:hidden@"))
    with closing(Producer.from_env(env)) as producer, pytest.raises(EnqueueFailed, match="password") as failed:
        producer.enqueue("event-api", account="1", event=sample("1", 1)["event"])
    assert not failed.value.maybe_accepted
    assert "hidden" not in str(failed.value)


def _flower_sees_the_worker(env: Mapping[str, str], folder: Path) -> None:
    """Its events and its answers come through the broker too."""
    port = free_port()
    flower = parts.flower(env, folder, port, "secret").start()
    try:
        wait_http(f"http://127.0.0.1:{port}/", 30, flower)
        url = f"http://127.0.0.1:{port}/api/workers?refresh=1"
        eventually(lambda: "worker@" in httpx.get(url, auth=("forwarder", "secret"), trust_env=False).text)
    finally:
        flower.kill()


def _put_into_the_queue(broker_url: str, *lines: dict[str, Any]) -> None:
    with Connection(broker_url) as connection, connection.Producer(serializer="json") as producer:
        queue = Queue("forwarder.events", durable=True)
        for line in lines:
            producer.publish(line, routing_key=queue.name, declare=[queue])
