"""Flower shows what the deliveries did, in red where they fail, behind a password and without personal data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.support import PRIVATE, SECRETS, Forwarder, eventually, running, sample, samples
from worker.stack import parts
from worker.stack.ports import free_port, wait_http
from worker.stack.redis_server import EmbeddedRedis

PASSWORD = "correct-horse"
TASK = "forwarder.deliver.event-api"


@pytest.fixture(scope="module")
def forwarder(redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarder]:
    with running(redis_server.url, tmp_path_factory.mktemp("flower")) as started:
        yield started


@pytest.fixture(scope="module")
def flower(forwarder: Forwarder) -> Iterator[httpx.Client]:
    """Its pages, with the password, once it listens to the worker."""
    port = free_port()
    child = parts.flower(forwarder.cli.env, Path(forwarder.cli.folder), port, PASSWORD).start()
    url = f"http://127.0.0.1:{port}"
    try:
        wait_http(f"{url}/healthcheck", parts.READY_S, child)
        with httpx.Client(base_url=url, auth=("forwarder", PASSWORD), trust_env=False, timeout=30) as client:
            eventually(lambda: client.get("/workers", params={"json": "1"}).json()["data"])
            yield client
    finally:
        child.kill()


def task_in(flower: httpx.Client, state: str, text: str, name: str = TASK) -> Any:
    """A task in this state whose result, or exception, holds the text."""
    tasks = flower.get("/api/tasks", params={"taskname": name, "state": state}).raise_for_status().json()
    found = (task for task in tasks.values() if text in f"{task['result']}{task['exception']}")
    return next(found, None)


@pytest.mark.parametrize("path", ["/", "/tasks", "/workers", "/broker", "/api/tasks", "/api/workers"])
def test_without_the_password_nothing_is_shown(flower: httpx.Client, path: str) -> None:
    url = flower.base_url.join(path)
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, auth=("forwarder", "guess"), trust_env=False).status_code == 401
    assert flower.get(path, follow_redirects=True).status_code == 200


def test_a_delivery_is_shown_with_its_summary_and_a_failing_one_is_red(
    forwarder: Forwarder, flower: httpx.Client
) -> None:
    """And neither a page nor the API nor the log holds an event, an address or a secret."""
    refused = {"match": {"event": {"objectData.currency": "XXX"}}, "refuse": True, "message": f"not for jane{PRIVATE}"}
    forwarder.sandbox.faults(refused)
    forwarder.cli.enqueue([*samples("93001", 150), sample("93001", 999, currency="XXX")])
    forwarder.cli.drain()
    good = eventually(lambda: task_in(flower, "SUCCESS", "'delivered': "))
    for part in ("'requests': ", "'dead': ", "'codes': "):
        assert part in good["result"]
    assert (good["args"], good["kwargs"]) == ("(0,)", "{}")
    forwarder.sandbox.faults({"status": 500, "message": f"broken for jane{PRIVATE}"})
    forwarder.cli.enqueue(samples("93002", 50))
    bad = eventually(lambda: task_in(flower, "FAILURE", "InternalServerError"))
    assert "DeliveryFailed" in bad["exception"]
    shown = [
        flower.get(path).raise_for_status().text
        for path in (
            "/tasks",
            f"/task/{good['uuid']}",
            f"/task/{bad['uuid']}",
            "/api/tasks",
            "/api/workers",
            "/workers",
        )
    ]
    workers = flower.get("/api/workers").json()
    shown += [flower.get(f"/worker/{name}").raise_for_status().text for name in workers]
    shown.append((forwarder.cli.folder / "flower.log").read_text())
    shown.append((forwarder.cli.folder / "worker.log").read_text())
    for text in (PRIVATE, "objectData", "XXX", PASSWORD, *SECRETS):
        assert not [page[:200] for page in shown if text in page], text


def test_a_replay_is_shown_by_its_name_with_what_it_moved(forwarder: Forwarder, flower: httpx.Client) -> None:
    forwarder.sandbox.faults({"refuse": True, "match": {"account": "93003"}})
    forwarder.cli.enqueue(samples("93003", 40))
    forwarder.cli.drain()
    forwarder.sandbox.faults()
    forwarder.cli.done("dlq", "replay", "--account", "93003", "--yes")
    found = eventually(lambda: task_in(flower, "SUCCESS", "'replayed': 40", "forwarder.replay.event-api"))
    assert "'delivered': 40" in found["result"]
