"""Flower as ops/ configures it: what it shows, to whom, and that it shows nobody an event, an address or a secret."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from redis import Redis

from tests.integration.support import PRIVATE, SECRETS, Forwarder, environment, eventually, running, sample, samples
from tests.support.flower import CONSOLE, OPERATOR, VIEWER, RunningFlower, flower_of, path_of, routes
from worker.stack import parts
from worker.stack.redis_server import EmbeddedRedis
from worker.web.tries import EACH, PERIOD_S

TASK = "forwarder.deliver.event-api"
REDIS_PASSWORD = "hidden-from-flower"
ACTIONS = [pattern for pattern in routes() if pattern.startswith("/api/")]
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")


class Ground(NamedTuple):
    forwarder: Forwarder
    flower: RunningFlower

    @property
    def worker(self) -> str:
        """Its name in Flower."""
        workers = self.flower.shown("/workers", params={"json": "1"}).json()["data"]
        return str(next(each["hostname"] for each in workers if each["status"]))

    def task(self, state: str, text: str, name: str = TASK) -> Any:
        """A delivery in this state whose result, or exception, holds the text."""
        tasks = self.flower.shown("/api/tasks", params={"taskname": name, "state": state}).json()
        return next((task for task in tasks.values() if text in f"{task['result']}{task['exception']}"), None)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """On a Redis that asks for a password, which is in the URL of events and broker alike."""
    folder = tmp_path_factory.mktemp("flower")
    with EmbeddedRedis(folder / "redis") as server:
        with Redis(port=server.port) as redis:
            redis.execute_command("ACL", "SETUSER", "worker", "on", f">{REDIS_PASSWORD}", "~*", "&*", "+@all")
        url = server.url.replace("redis://", f"redis://worker:{REDIS_PASSWORD}@")
        with running(url, folder) as forwarder, flower_of(forwarder.cli.env, folder) as flower:
            yield Ground(forwarder, flower)


@pytest.fixture(scope="module")
def seeded(ground: Ground) -> dict[str, Any]:
    """The tasks of deliveries that went well, were refused in part, failed, and of an account with wrong keys."""
    cli, sandbox = ground.forwarder.cli, ground.forwarder.sandbox
    refused = {"match": {"event": {"objectData.currency": "XXX"}}, "refuse": True, "message": f"not for jane{PRIVATE}"}
    sandbox.faults(refused)
    cli.enqueue([*samples("93001", 150), sample("93001", 999, currency="XXX")])
    cli.drain()
    good = eventually(lambda: ground.task("SUCCESS", "'delivered': "))
    sandbox.faults({"status": 500, "message": f"broken for jane{PRIVATE}"})
    cli.enqueue(samples("93002", 50))
    bad = eventually(lambda: ground.task("FAILURE", "InternalServerError"))
    sandbox.faults()
    cli.drain()
    sandbox.credentials({"93003": {"public_key": "rpub-another", "secret_key": "rsec-another"}})
    cli.enqueue(samples("93003", 5))
    keys = eventually(lambda: ground.task("FAILURE", "'parked': 1"))
    sandbox.credentials(None)
    return {"good": good, "bad": bad, "keys": keys}


def test_a_delivery_is_shown_with_its_summary_and_a_failing_one_is_red(ground: Ground, seeded: dict[str, Any]) -> None:
    """In words on its pages, as a dictionary in its API; an account whose keys are refused makes its task red."""
    assert (seeded["good"]["args"], seeded["good"]["kwargs"]) == ("(0,)", "{}")
    for part in ("'requests': ", "'dead': ", "'codes': "):
        assert part in seeded["good"]["result"]
    assert "DeliveryFailed" in seeded["bad"]["exception"]
    assert "nauthorized" in seeded["keys"]["exception"]
    page = ground.flower.shown(f"/task/{seeded['keys']['uuid']}").text
    assert "parked 1: " in page
    assert "shard 0" in page
    rows = {row["uuid"]: row for row in listed(ground, OPERATOR)}
    assert rows[seeded["good"]["uuid"]]["result"].startswith("delivered ")
    assert rows[seeded["keys"]["uuid"]]["state"] == "FAILURE"
    assert "traceback" not in ground.flower.shown(f"/task/{seeded['bad']['uuid']}").text.lower()


def listed(ground: Ground, login: Any) -> list[dict[str, Any]]:
    """The list of tasks, as its page asks for it."""
    form = {"draw": "1", "start": "0", "length": "500", "order[0][column]": "0", "columns[0][data]": "name"}
    answer = ground.flower.ask("POST", "/tasks/datatable", login, data=form).raise_for_status()
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def test_no_page_and_no_answer_of_its_api_holds_an_event_an_address_or_a_secret(
    ground: Ground, seeded: dict[str, Any]
) -> None:
    """Every path of Flower, with each task and worker in its place; its log and the worker's, too."""
    tasks = [each["uuid"] for each in seeded.values()]
    names = {pattern: tasks if "/task/" in pattern else [ground.worker] for pattern in routes()}
    paths = {path_of(pattern, name) for pattern in routes() for name in names[pattern]}
    shown = {path: ground.flower.ask("GET", path, OPERATOR).text for path in paths}
    shown |= {path: ground.flower.shown(path).text for path in ("/workers?refresh=1", "/api/workers?refresh=1")}
    shown["list"] = json.dumps(listed(ground, OPERATOR))
    shown |= {log.name: log.read_text() for log in ground.forwarder.cli.folder.glob("*.log")}
    assert ground.worker in shown["/api/workers?refresh=1"]
    assert "broker_url" in shown[f"/worker/{ground.worker}"], "the page of the worker's settings was searched"
    for text in (PRIVATE, "objectData", "XXX", OPERATOR[1], VIEWER[1], REDIS_PASSWORD, *SECRETS):
        assert not [path for path, page in shown.items() if text in page], text


WRONG = [("forwarder", "guess"), ("watcher", OPERATOR[1]), ("fôrwarder", "é")]


@pytest.mark.parametrize(("login", "address"), [(None, 1), *((login, at) for at, login in enumerate(WRONG, 2))])
def test_whoever_is_not_known_is_refused_everywhere(ground: Ground, login: Any, address: int) -> None:
    """By every path and method of Flower; only whether it lives can be asked."""
    worker = ground.worker
    with ground.flower.seen_from(f"127.0.0.{address}") as stranger:
        for pattern in routes():
            for method in METHODS:
                path = path_of(pattern, worker)
                status = stranger.ask(method, path, login).status_code
                if path == "/healthcheck" and method in ("GET", "HEAD"):
                    assert status == {"GET": 200, "HEAD": 405}[method]
                else:
                    assert status in ((401, 429) if login else (401,)), (method, path, status)


def test_whoever_guesses_is_not_listened_to_for_a_while_and_others_are(ground: Ground) -> None:
    """Not even with the right password, which a guess could be."""
    with ground.flower.seen_from("127.0.0.9") as stranger:
        answers = [stranger.ask("GET", "/tasks", ("forwarder", f"guess-{number}")) for number in range(EACH + 1)]
        assert [each.status_code for each in answers] == [401] * EACH + [429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= PERIOD_S + 1
        assert stranger.ask("GET", "/tasks", OPERATOR).status_code == 429
        assert stranger.ask("GET", "/healthcheck").status_code == 200
    assert ground.flower.shown("/tasks").text


def test_the_plain_command_has_all_of_the_configuration(ground: Ground, seeded: dict[str, Any]) -> None:
    """Its port is that of the environment, as all here shows; columns and log lines are those of ops/."""
    assert seeded
    heads = re.findall(r'<th[^>]*data-column="(\w+)"', ground.flower.shown("/tasks").text)
    assert heads == ["name", "state", "args", "result", "exception", "received", "runtime", "worker"]
    ground.flower.ask("POST", f"/api/worker/pool/grow/{ground.worker}?n=many&token=hidden", OPERATOR)
    lines = (ground.forwarder.cli.folder / "flower.log").read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert len(lines) > 2


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Bearer x", "Basic Zm9yd2FyZGVy", "basic \xe9", ""])
def test_a_header_that_is_no_login_is_refused(ground: Ground, header: str) -> None:
    with ground.flower.seen_from("127.0.0.8") as stranger:
        answer = stranger.ask("GET", "/tasks", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_viewer_sees_the_pages_and_changes_nothing(ground: Ground, seeded: dict[str, Any]) -> None:
    """Neither by a page, which has no buttons, nor by the API, of which nothing is answered; the worker works on."""
    worker, task = ground.worker, seeded["good"]["uuid"]
    for path in ("/", "/workers", "/tasks", "/broker", f"/worker/{worker}", f"/task/{task}", "/metrics"):
        assert ground.flower.shown(path, VIEWER).text
    assert {row["uuid"] for row in listed(ground, VIEWER)} >= {task}
    assert "worker-shutdown" in ground.flower.shown(f"/worker/{worker}").text
    assert "worker-shutdown" not in ground.flower.shown(f"/worker/{worker}", VIEWER).text
    form = {"workername": worker, "queue": TASK, "ratelimit": "1/h", "hard": "1", "n": "1", "terminate": "1"}
    for pattern in ACTIONS:
        for name in (worker, task, TASK):
            for method in METHODS:
                answer = ground.flower.ask(method, path_of(pattern, name), VIEWER, params=form)
                assert answer.status_code == 403, (method, pattern)
    for pattern in set(routes()) - set(ACTIONS) - {"/tasks/datatable$", ".*"}:
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            status = ground.flower.ask(method, path_of(pattern, worker), VIEWER, data=form).status_code
            assert status == 403, (method, pattern, status)
    ground.forwarder.cli.enqueue(samples("93009", 3))
    assert ground.forwarder.worker.running
    assert eventually(lambda: "93009" in ground.forwarder.sandbox.ids("93009"))


def test_an_operator_acts_but_not_from_another_site(ground: Ground) -> None:
    """A page of somebody else cannot make an operator's browser do it."""
    path = f"/api/task/rate-limit/{TASK}"
    form = {"workername": ground.worker, "ratelimit": "0"}
    answer = ground.flower.ask("POST", path, OPERATOR, data=form)
    assert (answer.status_code, "successfully" in answer.text) == (200, True)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example.com"}):
        assert ground.flower.ask("POST", path, OPERATOR, data=form, headers=headers).status_code == 403
    assert ground.flower.shown("/").headers["X-Frame-Options"] == "DENY"


def test_its_navigation_leads_to_the_console(ground: Ground) -> None:
    for path in ("/", "/tasks", "/broker"):
        assert f'href="{CONSOLE}">Console</a>' in ground.flower.shown(path).text


def test_without_a_password_it_does_not_start(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    """Nor with a configuration that forgets it: one line says what is missing."""
    env, pipe = environment(redis_server.url), subprocess.PIPE
    (tmp_path / "own.py").write_text("basic_auth = []\n")
    started = [
        subprocess.Popen([*parts.celery(tmp_path, "flower"), *config], env=env, cwd=tmp_path, stderr=pipe, text=True)
        for config in ([f"--conf={tmp_path / 'own.py'}"], [])
    ]
    for process in started:
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 1, said
        assert said.splitlines()[-1].startswith("forwarder: FORWARDER_FLOWER_PASSWORD: must be set")


def test_a_replay_is_shown_by_its_name_with_what_it_moved(ground: Ground) -> None:
    cli, sandbox = ground.forwarder.cli, ground.forwarder.sandbox
    sandbox.faults({"refuse": True, "match": {"account": "93004"}})
    cli.enqueue(samples("93004", 40))
    eventually(lambda: cli.done("status", "--json").json["event-api"]["dead"] >= 40)
    sandbox.faults()
    cli.done("dlq", "replay", "--account", "93004", "--yes")
    found = eventually(lambda: ground.task("SUCCESS", "'replayed': 40", "forwarder.replay.event-api"))
    assert "'delivered': 40" in found["result"]
