"""`rediss://`: producer, worker, Celery and the command line speak to Redis encrypted, to the right one or to none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from producers import EnqueueFailed, Producer
from producers.asynchronous import AsyncProducer
from tests.integration.support import Cli, environment, eventually, ids_of, running, sample, samples, times_accepted
from tests.redis.certificates import Authority
from tests.redis.proxy import Proxy
from worker.stack import parts
from worker.stack.redis_server import EmbeddedRedis


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def encrypted(redis_server: EmbeddedRedis, authority: Authority) -> Iterator[Proxy]:
    """Redis behind TLS that takes only clients with a certificate."""
    with Proxy(redis_server.port, authority.server(clients=True)) as proxy:
        yield proxy


def url(proxy: Proxy, ca: Path, authority: Authority, host: str = "127.0.0.1", **more: str) -> str:
    certificate, key = authority.signed("client")
    options = {"ssl_ca_certs": ca, "ssl_certfile": certificate, "ssl_keyfile": key, **more}
    return f"rediss://{host}:{proxy.port}/0?" + "&".join(f"{name}={value}" for name, value in options.items())


def test_everything_works_over_tls(encrypted: Proxy, authority: Authority, tmp_path: Path) -> None:
    lines = samples("41001", 200)
    with running(url(encrypted, authority.ca, authority), tmp_path) as forwarder:
        forwarder.cli.enqueue(lines[:100])
        with closing(Producer.from_env(forwarder.cli.env)) as producer:
            assert not [result for result in producer.enqueue_many(lines[100:]) if result.error]
        assert forwarder.cli.drain()["delivered"] == 200
        assert forwarder.cli.run("health").status == 0
        assert times_accepted(forwarder.sandbox).keys() == ids_of(lines)


async def test_coroutines_speak_tls_too(encrypted: Proxy, authority: Authority, prefix: str) -> None:
    """What a record holds more than an answer does not show on the socket."""
    told = {"FORWARDER_ENQUEUE_BUDGET_MS": "5000", "FORWARDER_SHARDS": "4", "FORWARDER_KEY_PREFIX": prefix}
    env = {**environment(url(encrypted, authority.ca, authority)), **told}
    async with AsyncProducer.from_env(env) as shop:
        for size in (1, 1, 300):
            events = [sample(str(41_001 + number % 50), number)["event"] for number in range(size)]
            calls = [shop.enqueue("event-api", account=str(number % 50), event=e) for number, e in enumerate(events)]
            assert len(set(await asyncio.gather(*calls))) == size


def test_another_authority_is_refused_in_words(encrypted: Proxy, authority: Authority, tmp_path: Path) -> None:
    """By the producer, the command line and the worker, whose Celery never talks to it either."""
    env = environment(url(encrypted, Authority(tmp_path, "another").ca, authority))
    with (
        closing(Producer.from_env(env)) as producer,
        pytest.raises(EnqueueFailed, match="CERTIFICATE_VERIFY") as failed,
    ):
        producer.enqueue("event-api", account="1", event=sample("41001", 1)["event"])
    assert not failed.value.maybe_accepted
    ended = Cli(env, tmp_path).run("status")
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert "CERTIFICATE_VERIFY_FAILED" in ended.err


def test_a_certificate_of_another_host_is_refused_unless_the_url_allows_it(
    encrypted: Proxy, authority: Authority, tmp_path: Path
) -> None:
    """It is of 127.0.0.1, not of localhost."""
    env = environment(url(encrypted, authority.ca, authority, "localhost"))
    ended = Cli(env, tmp_path).run("status")
    assert ended.status == 1
    assert "Hostname mismatch" in ended.err
    env["FORWARDER_REDIS_URL"] += "&ssl_check_hostname=false"
    Cli(env, tmp_path).done("status")


def test_celery_refuses_another_authority_too(encrypted: Proxy, authority: Authority, tmp_path: Path) -> None:
    """kombu would take any certificate where nobody told it which."""
    env = environment(url(encrypted, Authority(tmp_path, "another").ca, authority))
    worker = parts.worker(env, tmp_path).start()
    try:
        eventually(lambda: _says(tmp_path / "worker.log", "Cannot connect to rediss://", "CERTIFICATE_VERIFY_FAILED"))
    finally:
        worker.kill()


def _says(log: Path, *words: str) -> bool:
    return any(all(word in line for word in words) for line in log.read_text().splitlines())
