"""RabbitMQ as Celery's broker and as the intake's queue: on a real node, a real worker and the sandbox over HTTP.

All of it in one file, so that one node does for all: it takes seconds to start.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from producers import EnqueueFailed
from producers.errors import ConfigurationError
from tests.brokers.killed import forwarder_on, passage
from tests.brokers.rabbit import PASSWORD, SHOP, VHOSTS, Rabbit
from tests.brokers.support import Publisher
from tests.conftest import Environment
from tests.intake.support import Buffer, hand_over, line, names, reading
from tests.integration.support import Cli, Forwarder, eventually, ids_of, samples, times_accepted
from tests.unit.imports import ROOT
from worker.broker.broker import broker
from worker.broker.check import BrokerAway, check_broker
from worker.broker.connection import BrokerConnection
from worker.broker.queues import EVENTS, QUORUM
from worker.connection.client import sync_redis
from worker.intake.hand_over import Outcome
from worker.intake.kombu_reader import MOST, KombuReader
from worker.stack import parts
from worker.stack.ports import free_port, wait_http
from worker.stack.redis_server import EmbeddedRedis

WHOLE, CLASSIC, STRICT, DECLARED = VHOSTS[:4]
QUEUE = "forwarder.events"


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """To be stopped."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis"), appendfsync="no") as server:
        yield server


@pytest.fixture(scope="module")
def forwarder(
    rabbit: Rabbit, own_redis: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Forwarder]:
    with forwarder_on(rabbit, WHOLE, own_redis.url, tmp_path_factory.mktemp("forwarder")) as started:
        yield started


@pytest.fixture
def shop(rabbit: Rabbit) -> Iterator[Publisher]:
    """It may publish and nothing else."""
    publisher = Publisher(rabbit.url(WHOLE, SHOP), QUEUE)
    yield publisher
    publisher.close()


@pytest.fixture
def buffer(env: Environment) -> Iterator[Buffer]:
    redis = sync_redis(env["FORWARDER_REDIS_URL"])
    yield Buffer(redis, env["FORWARDER_KEY_PREFIX"])
    redis.close()


def test_deliveries_run_over_quorum_queues(rabbit: Rabbit, forwarder: Forwarder) -> None:
    forwarder.cli.enqueue(samples("81001", 300))
    ledger = forwarder.cli.drain()
    assert (ledger["delivered"], ledger["dead"]) == (300, 0)
    queues = rabbit.queues(WHOLE)
    lasting = {name for name, queue in queues.items() if queue["durable"]}
    assert lasting == {QUEUE, *(f"forwarder.deliver.{name}" for name in ("event-api", "server-events", "audience"))}
    assert {queues[name]["type"] for name in lasting} == {"quorum"}
    assert len(queues) < 10, "and none for tasks that are to run later, of which there are none"


def test_flower_sees_the_worker(forwarder: Forwarder) -> None:
    port = free_port()
    flower = parts.flower(forwarder.cli.env, forwarder.cli.folder, port, "correct-horse").start()
    try:
        wait_http(f"http://127.0.0.1:{port}/healthcheck", parts.READY_S, flower)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=("forwarder", "correct-horse")) as client:
            (worker,) = eventually(lambda: client.get("/workers", params={"json": "1"}).json()["data"])
            assert worker["status"]
            assert eventually(lambda: client.get("/api/workers", params={"refresh": "1"}).json())
    finally:
        flower.kill()


def test_what_is_published_with_confirms_arrives_and_what_is_invalid_is_kept(
    forwarder: Forwarder, shop: Publisher
) -> None:
    lines = samples("81002", 600)
    shop.send([*lines[:300], b"no line", {"destination": "nowhere", "account": "1", "event": {}}, *lines[300:]])
    eventually(lambda: ids_of(lines) <= times_accepted(forwarder.sandbox, "81002").keys())
    forwarder.cli.drain()
    assert set(times_accepted(forwarder.sandbox, "81002").values()) == {1}
    assert len(forwarder.cli.letters("-d", "intake")) == 2


def test_the_example_of_the_documents_publishes_an_event(rabbit: Rabbit, forwarder: Forwarder, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "ops/docs/rabbitmq.md").read_text("utf-8"), re.DOTALL)
    env = {**os.environ, "SHOP_BROKER_URL": rabbit.url(WHOLE, SHOP)}
    subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, check=True, timeout=60)
    eventually(lambda: "A-1001" in times_accepted(forwarder.sandbox, "12345"))


def test_redis_that_stops_while_messages_come_loses_none(
    forwarder: Forwarder, shop: Publisher, own_redis: EmbeddedRedis
) -> None:
    lines = samples("81003", 300)
    shop.send(lines[:100])
    own_redis.stop()
    try:
        shop.send(lines[100:])
        eventually(lambda: '"in_hand": ' in (forwarder.cli.folder / "worker.log").read_text())
    finally:
        own_redis.restart()
    eventually(lambda: ids_of(lines) <= times_accepted(forwarder.sandbox, "81003").keys(), within_s=60)
    forwarder.cli.drain()


def test_rabbitmq_killed_while_events_pass_loses_none(rabbit: Rabbit, forwarder: Forwarder) -> None:
    """The long form is `python -m tests.brokers.measure_rabbit_kill`."""
    figures = passage(rabbit, WHOLE, forwarder, "81004", 1_000)
    assert figures.lost == 0
    assert figures.doubled <= MOST + figures.republished, "no more than was in hand"
    assert set(times_accepted(forwarder.sandbox, "81002").values()) == {1}, "what came before was acknowledged"
    assert figures.ledger["dead"] == 0
    assert forwarder.worker.running, "it came back by itself"
    assert "at work" in eventually(lambda: forwarder.cli.run("health").out)


def test_a_redis_that_is_away_makes_no_message_come_twice(rabbit: Rabbit, env: Environment, buffer: Buffer) -> None:
    """They stay in hand: from this queue, and from RabbitMQ 4 in time, what was given out twice is thrown away."""
    name = f"{env['FORWARDER_KEY_PREFIX']}.events"
    admin = rabbit.url(STRICT, "admin")
    _declared(admin, name, {**EVENTS, "x-delivery-limit": 0})
    Publisher(admin, name).send(line(event_id) for event_id in names(200))
    through, refusals = hand_over(env), 2

    def into_buffer(messages: Any) -> Outcome:
        nonlocal refusals
        refusals -= 1
        if refusals < 0:
            return through(messages)
        return Outcome(through(messages[:50]).done, EnqueueFailed("no answer", id="", maybe_accepted=False))

    with reading(env, KombuReader(admin, env["FORWARDER_KEY_PREFIX"], into_buffer)):  # type: ignore[arg-type]
        eventually(lambda: len(buffer.ids()) == 200)
    assert sorted(buffer.ids()) == sorted(names(200))


def test_a_queue_that_somebody_else_made_is_read_as_it_is(
    rabbit: Rabbit, env: Environment, buffer: Buffer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shop that declared it first, as a classic one; what is in it is read, and the log says what is amiss."""
    name = f"{env['FORWARDER_KEY_PREFIX']}.events"
    admin = rabbit.url(CLASSIC, "admin")
    _declared(admin, name, {})
    Publisher(admin, name).send([line("e1")])
    with reading(env, KombuReader(admin, env["FORWARDER_KEY_PREFIX"], hand_over(env))):
        eventually(lambda: buffer.ids() == ["e1"])
    said = capsys.readouterr().out
    assert "intake_queue_is_not_ours" in said
    assert "inequivalent arg" in said


def test_a_task_queue_of_another_kind_is_told_in_one_line_and_ends_the_worker(
    rabbit: Rabbit, env: Environment, tmp_path: Path
) -> None:
    env["FORWARDER_BROKER_URL"] = rabbit.url(CLASSIC, "admin")
    _declared(env["FORWARDER_BROKER_URL"], "forwarder.deliver.event-api", {})
    worker = parts.worker(env, tmp_path).start()
    assert worker.wait(30) == 1
    said = worker.log_tail()
    assert said.startswith("forwarder: FORWARDER_BROKER_URL: the queue forwarder.deliver.event-api is there and is no")
    assert "rabbitmqctl delete_queue" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (lambda rabbit: rabbit.url(DECLARED).replace(PASSWORD, "secret-guess"), "Login was refused"),
        (lambda rabbit: rabbit.url("nowhere"), "vhost nowhere not found"),
        (lambda rabbit: rabbit.url(DECLARED, SHOP), "access to exchange 'forwarder' in vhost"),
    ],
    ids=["password", "virtual host", "rights"],
)
def test_a_node_that_refuses_us_is_told_without_the_password(
    rabbit: Rabbit, url: Callable[[Rabbit], str], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_broker(url(rabbit))
    assert str(caught.value).startswith("FORWARDER_BROKER_URL: amqp://…@127.0.0.1:")
    assert words in str(caught.value)
    assert not {"secret-guess", PASSWORD} & set(re.findall(r"[\w-]+", str(caught.value)))


def test_over_tls_the_node_is_reached_if_its_certificate_is_right(
    rabbit: Rabbit, env: Environment, buffer: Buffer
) -> None:
    url = rabbit.tls_url(DECLARED, f"?ssl_ca_certs={rabbit.ca}")
    check_broker(url)
    with pytest.raises(BrokerAway, match="CERTIFICATE_VERIFY_FAILED"):
        check_broker(rabbit.tls_url(DECLARED))
    name = f"{env['FORWARDER_KEY_PREFIX']}.events"
    _declared(rabbit.url(DECLARED, "admin"), name, EVENTS)
    Publisher(rabbit.url(DECLARED, SHOP), name).send([line("e1")])
    admin = url.replace("//worker:", "//admin:")
    with reading(env, KombuReader(admin, env["FORWARDER_KEY_PREFIX"], hand_over(env))):
        eventually(lambda: buffer.ids() == ["e1"])


def test_commands_say_what_is_wrong_with_the_broker(rabbit: Rabbit, env: Environment, tmp_path: Path) -> None:
    """In one line, with the variable and without the password, and they end."""
    cli = Cli(env, tmp_path)
    refused = {"FORWARDER_BROKER_URL": rabbit.url(DECLARED).replace(PASSWORD, "secret-guess")}
    for status, command in ((1, ("check",)), (2, ("up", "--sandbox-port", str(free_port())))):
        ended = cli.run(*command, **refused)
        assert ended.status == status
        assert "FORWARDER_BROKER_URL: amqp://…@127.0.0.1:" in ended.err
        assert "Login was refused" in ended.err
        assert "secret-guess" not in ended.out + ended.err
    for name in ("check", "status", "drain", "health"):
        ended = cli.run(name, FORWARDER_BROKER_URL="amqp://u:secret-guess@host:port/")
        assert ended.status == 2
        assert ended.err == (
            "forwarder: FORWARDER_BROKER_URL: 'amqp://…@host:port/' is no AMQP URL: "
            "its port is no number between 1 and 65535\n"
        )


def test_a_node_that_is_away_is_told_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(BrokerAway, match="Connection refused"):
        check_broker(f"amqp://user:{PASSWORD}@127.0.0.1:{free_port()}/")
    assert time.monotonic() - began < 10


def test_a_node_that_hangs_holds_nobody_up(rabbit: Rabbit, forwarder: Forwarder) -> None:
    """Neither the check nor a question on an open connection, and the worker goes on when it answers again."""
    connection = BrokerConnection(**broker(rabbit.url(WHOLE))._asdict())
    connection.connect()
    os.kill(rabbit.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(TimeoutError), connection.answering(0.5):
            connection.default_channel.queue_declare(QUEUE, passive=True)
        assert not connection.connected, "a late answer must not be taken for another question's"
        assert time.monotonic() - began < 5
    finally:
        os.kill(rabbit.pid, signal.SIGCONT)
    forwarder.cli.enqueue(samples("81005", 10))
    eventually(lambda: len(times_accepted(forwarder.sandbox, "81005")) == 10)


def test_everything_of_it_balanced_at_the_end(forwarder: Forwarder, own_redis: EmbeddedRedis) -> None:
    """After all that happened to this forwarder: nothing is left, its worker is the first one, nothing surprised it."""
    forwarder.cli.drain()
    assert forwarder.worker.running
    redis = sync_redis(own_redis.url)
    assert redis.ping()
    log = (forwarder.cli.folder / "worker.log").read_text()
    assert not [word for word in ("dispatch_failed", "intake_failed", "attempt_broke") if word in log]


def test_confirmed_and_unroutable_are_not_the_same(rabbit: Rabbit) -> None:
    """Why the example says `mandatory`: RabbitMQ confirms, too, what it put into no queue."""
    with Connection(rabbit.url(DECLARED, SHOP), transport_options={"confirm_publish": True}) as connection:
        connection.Producer().publish({}, routing_key="nowhere")
        with pytest.raises((OperationalError, *connection.channel_errors), match="NO_ROUTE"):
            connection.Producer().publish({}, routing_key="nowhere", mandatory=True)


def _declared(url: str, name: str, arguments: dict[str, Any]) -> None:
    with Connection(url) as connection:
        connection.default_channel.queue_declare(
            queue=name, durable=True, auto_delete=False, arguments={**(QUORUM if arguments else {}), **arguments}
        )
