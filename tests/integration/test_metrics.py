"""What Prometheus is told is what the ledger says, whatever happened to the workers; and events can be asked after."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.support import FORWARDER, Forwarder, eventually, running, sample, samples
from tests.support.programs import needed
from worker.connection.client import sync_redis
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.ports import free_port, wait_http
from worker.stack.redis_server import EmbeddedRedis

BAD = {"event": {"objectData.currency": "XXX"}}
OF = {"destination": "event-api"}


@pytest.fixture(scope="module")
def lived(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarder]:
    """After events that were delivered, one that was refused, a request that failed, and a worker that was killed."""
    folder = tmp_path_factory.mktemp("metrics")
    with running(redis_server.url, folder, FORWARDER_LEASE_S="3", FORWARDER_HTTP_TIMEOUT_S="2") as forwarder:
        cli, sandbox = forwarder.cli, forwarder.sandbox
        sandbox.faults(
            {"status": 500, "match": {"account": "failing"}, "times": 1},
            {"hang": True, "match": {"account": "hanging"}, "times": 1},
            {"match": {"account": "refused", **BAD}, "refuse": True, "code": "UnknownCurrency", "message": "unknown"},
        )
        cli.enqueue([*samples("good", 150), *samples("failing", 3)])
        cli.enqueue([*samples("refused", 4), sample("refused", 9, currency="XXX")])
        cli.drain()
        cli.enqueue(samples("hanging", 2))
        sandbox.wait(requests=1, account="hanging")
        forwarder.worker.kill()
        another = parts.worker(dict(cli.env), folder, ("-c", "2"), name="another").start()
        try:
            cli.drain()
            yield forwarder
        finally:
            another.kill()


@pytest.fixture(scope="module")
def text(lived: Forwarder) -> str:
    return lived.cli.done("metrics", "--once").out


def value(text: str, name: str, **labels: str) -> float:
    """The sample of this name and, among others, these labels."""
    families = text_string_to_metric_families(text)
    found = [
        each.value
        for family in families
        for each in family.samples
        if each.name == name and labels.items() <= each.labels.items()
    ]
    assert found, f"no {name} with {labels}"
    return sum(found)


def test_the_scrape_says_what_the_ledger_says(lived: Forwarder, text: str) -> None:
    """After a worker was killed with a request on the wire."""
    ledger = lived.cli.ledger()
    assert ledger["accepted"] == 160
    for state in ("accepted", "delivered", "discarded"):
        assert value(text, f"forwarder_events_{state}_total", **OF) == ledger[state]
    for state in ("open", "ready", "waiting", "in_flight", "dead"):
        assert value(text, "forwarder_events", state=state, **OF) == ledger[state]
    assert value(text, "forwarder_events_died_total", code="UnknownCurrency", **OF) == ledger["dead"] == 1
    assert value(text, "forwarder_event_delivery_seconds_count", **OF) == ledger["delivered"]
    assert value(text, "forwarder_events_retried_total", **OF) >= 3


def test_requests_are_counted_by_their_status_as_the_sandbox_saw_them(lived: Forwarder, text: str) -> None:
    """But the one whose worker was killed: nobody was there to count it."""
    came = [request["status"] for request in lived.sandbox.requests() if request["status"] is not None]
    for status in {200, 500}:
        assert value(text, "forwarder_requests_total", status=str(status), **OF) == came.count(status)
    assert value(text, "forwarder_request_duration_seconds_count", **OF) == len(came)
    assert value(text, "forwarder_request_events_count", **OF) == len(came)
    assert value(text, "forwarder_redis_round_trip_seconds_count", call="claim", **OF) > 0


def test_a_counter_is_there_for_what_did_not_happen_yet_and_a_worker_is_alive(text: str) -> None:
    assert value(text, "forwarder_events_accepted_total", destination="audience") == 0
    assert value(text, "forwarder_workers") >= 1
    assert value(text, "forwarder_redis_memory_used_bytes") > 0
    assert value(text, "forwarder_queue_messages", queue="forwarder.deliver.event-api") >= 0


def test_promtool_finds_no_fault_in_a_real_scrape(text: str) -> None:
    ended = subprocess.run(
        [needed("promtool"), "check", "metrics"], input=text, text=True, capture_output=True, timeout=30
    )
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def test_the_exporter_answers_whom_it_knows_and_started_anew_it_says_the_same(lived: Forwarder, text: str) -> None:
    accepted = value(text, "forwarder_events_accepted_total", **OF)
    for _ in range(2):
        port = free_port()
        env = {**lived.cli.env, "FORWARDER_METRICS_TOKEN": "secret"}
        arguments = [FORWARDER, "metrics", "--port", str(port)]
        child = Child("the exporter", arguments, env, lived.cli.folder / "metrics.log").start()
        try:
            url = f"http://127.0.0.1:{port}/metrics"
            wait_http(url, parts.READY_S, child)
            assert httpx.get(url, trust_env=False).status_code == 401
            known = {"Authorization": "Bearer secret"}
            answer = httpx.get(url, headers=known, trust_env=False).raise_for_status()
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            assert value(answer.text, "forwarder_events_accepted_total", **OF) == accepted
        finally:
            child.kill()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "metrics.example.com"])  # noqa: S104 - refused
def test_away_from_loopback_it_wants_a_token_or_to_be_told(lived: Forwarder, host: str) -> None:
    ended = lived.cli.run("metrics", "--host", host, "--port", "0")
    assert (ended.status, ended.out) == (2, "")
    assert "FORWARDER_METRICS_TOKEN" in ended.err


@pytest.mark.parametrize(
    ("arguments", "token", "statuses"),
    [
        ((), "", {"127.0.0.1": 200, "localhost": 200, "evil.example.com": 400}),
        (("--host", "0.0.0.0", "--open"), "", {"127.0.0.1": 200, "metrics:9464": 200}),  # noqa: S104 - a test
        (("--host", "0.0.0.0"), "secret", {"metrics:9464": 401}),  # noqa: S104 - a test
    ],
)
def test_without_a_token_no_page_elsewhere_can_read_them(
    lived: Forwarder, arguments: tuple[str, ...], token: str, statuses: dict[str, int]
) -> None:
    """One that points its own name at loopback; in a network of containers any name will do."""
    port = free_port()
    argv = [FORWARDER, "metrics", *arguments, "--port", str(port)]
    env = {**lived.cli.env, "FORWARDER_METRICS_TOKEN": token}
    child = Child("the exporter", argv, env, lived.cli.folder / "metrics.log").start()
    try:
        url = f"http://127.0.0.1:{port}/metrics"
        wait_http(url, parts.READY_S, child)
        answers = {host: httpx.get(url, headers={"Host": host}, trust_env=False).status_code for host in statuses}
        assert answers == statuses
    finally:
        child.kill()


def test_find_tells_the_way_of_an_event_that_was_retried(lived: Forwarder) -> None:
    (one,) = lived.cli.done("find", "failing-1", "--account", "failing", "--json").json
    assert (one["state"], [each["status"] for each in one["attempts"]]) == ("delivered", [500, 200])
    trace = one["attempts"][-1]["trace_id"]
    assert one["trace_id"] == trace
    told = lived.cli.done("find", "failing-1", "--account", "failing").out
    assert f"delivered {one['delivered_at']}" in told
    assert f"trace id {trace}" in told


def test_find_tells_why_an_event_is_dead_and_that_its_neighbours_are_not(lived: Forwarder) -> None:
    (dead,) = lived.cli.done("find", "refused-9", "--account", "refused", "--json").json
    assert (dead["state"], [each["code"] for each in dead["reasons"]]) == ("dead", ["UnknownCurrency"])
    (good,) = lived.cli.done("find", "refused-1", "--account", "refused", "--json").json
    assert good["state"] == "delivered"


def test_samples_are_taken_by_the_workers(lived: Forwarder) -> None:
    redis: Any = sync_redis(lived.cli.env["FORWARDER_REDIS_URL"])
    key = f"{lived.cli.env['FORWARDER_KEY_PREFIX']}:samples"
    entries = eventually(lambda: redis.xrange(key))
    assert set(json.loads(entries[0][1][b"data"])["event-api"]) == {"c", "l", "g"}
    redis.close()


def test_an_address_that_cannot_be_listened_on_is_told_in_a_line(lived: Forwarder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = lived.cli.run("metrics", "--port", str(taken.getsockname()[1]))
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert ended.err.startswith("forwarder: cannot listen on 127.0.0.1 port ")
