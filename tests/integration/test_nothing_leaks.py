"""No log line, output or page holds an address, a name or a secret, whatever goes wrong: all of them are searched.

Redis, the sandbox's memory and the commands whose work it is to show an event are not meant.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from producers import EnqueueFailed, InvalidEvent, Producer
from producers.checkout import Customer, conversion
from tests.integration.leaking import Watching, an_editor, watching
from tests.integration.support import Cli, Forwarder, as_lines, eventually, running
from tests.support.flower import OPERATOR, VIEWER, RunningFlower, flower_of, path_of, routes
from worker.connection.client import sync_redis
from worker.stack.redis_server import EmbeddedRedis

EMAIL, NAME = "wilhelmina.f@example.com", "Featherstonehaugh"
PERSON = Customer(email=EMAIL, first_name="Wilhelmina", last_name=NAME, mobile="+1 (323) 867-5309")
PERSONAL = ("wilhelmina", "featherstonehaugh", "867-5309", "8675309")
EVENTS, BROKER, TOKEN, METRICS = "opens-the-events", "opens-the-broker", "opens-the-console", "opens-the-metrics"
KEYS = {"public_key": "rpub-0a1b2c3d", "secret_key": "rsec-4e5f6a7b"}
# To an operator who asks for them: events, and what Rokt said of them.
SHOWING = ("dlq list", "dlq show", "dlq export", "dlq edit bad-1", "find bad-2", "find code")
SECRETS = (EVENTS, BROKER, TOKEN, METRICS, OPERATOR[1], VIEWER[1], *KEYS.values())
ACL = f"user default on nopass ~* &* +@all\nuser shop on >{EVENTS} >{BROKER} ~* &* +@all\n"
CONSENT = """
def asked(destination, account, event):
    if any(field["value"] == "raises" for field in event["objectData"]):
        raise ValueError(f"no answer for {event}")
    return True
"""


class Ground(NamedTuple):
    forwarder: Forwarder
    flower: RunningFlower
    watching: Watching
    redis: EmbeddedRedis
    said: dict[str, str]
    """What commands and exceptions said."""

    def run(self, *arguments: str, given: str = "", **variables: str) -> None:
        cli = self.forwarder.cli
        ended = Cli({**cli.env, **variables}, cli.folder).run(*arguments, given=given)
        self.said[f"{' '.join(arguments)} ({len(self.said)})"] = f"{ended.out}\n{ended.err}"

    @property
    def in_process(self) -> dict[str, str]:
        """For a producer of this process, which has not the callback's folder on its path."""
        return {**self.forwarder.cli.env, "FORWARDER_CONSENT": ""}

    @property
    def logs(self) -> dict[str, str]:
        return {file.name: file.read_text("utf-8") for file in self.forwarder.cli.folder.glob("*.log")}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Everything with a password of its own, and told to log as much as it can."""
    folder = tmp_path_factory.mktemp("leaks")
    (folder / "consenting.py").write_text(CONSENT)
    credentials = folder / "rokt.toml"
    credentials.write_text(
        "".join(f"[accounts.{each}]\n{_toml(KEYS)}" for each in ("98001", "98002", "98003", "98005"))
    )
    (folder / "users.acl").write_text(ACL)
    users = {"aclfile": str(folder / "users.acl")}
    with EmbeddedRedis(folder / "redis", appendfsync="always", options=users) as redis:
        settings = {
            "FORWARDER_BROKER_URL": redis.url.replace("//", f"//shop:{BROKER}@"),
            "FORWARDER_CREDENTIALS_FILE": str(credentials),
            "FORWARDER_CONSOLE_TOKEN": TOKEN,
            "FORWARDER_CONSENT": "consenting:asked",
            "FORWARDER_LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
            "PYTHONPATH": str(folder),
        }
        url = redis.url.replace("//", f"//shop:{EVENTS}@")
        with (
            running(url, folder, **settings) as forwarder,
            flower_of(forwarder.cli.env, folder) as flower,
            watching(forwarder.cli.env, folder, TOKEN, METRICS) as watchers,
        ):
            yield Ground(forwarder, flower, watchers, redis, {})


def _toml(table: dict[str, str]) -> str:
    return "".join(f'{name} = "{value}"\n' for name, value in table.items())


def bought(order: str, currency: str = "USD", **extra: str) -> dict[str, Any]:
    return conversion(order_id=order, amount="85.00", currency=currency, customer=PERSON, extra=extra)


def line(order: str, account: str = "98001", **options: str) -> dict[str, Any]:
    return {"destination": "event-api", "account": account, "id": order, "event": bought(order, **options)}


@pytest.fixture(scope="module")
def told(ground: Ground) -> dict[str, str]:
    """Where -> what was written there, in small letters, once everything was tried that can be done or go wrong."""
    _what_goes_well_and_what_is_refused(ground)
    _what_fails_and_what_is_garbage(ground)
    _what_operators_try(ground)
    _what_is_watched(ground)
    _what_operators_do(ground)
    _a_redis_that_is_gone(ground)
    pages = {path: ground.flower.ask("GET", path, OPERATOR).text for path in _paths(ground)}
    everything = {**ground.said, **ground.logs, **pages}
    return {where: text.lower() for where, text in everything.items()}


def _what_goes_well_and_what_is_refused(ground: Ground) -> None:
    sandbox = ground.forwarder.sandbox
    quoted = f"{EMAIL} of {NAME} is unknown"
    sandbox.faults(
        {"match": {"event": {"objectData.currency": "XXX"}}, "refuse": True, "message": quoted},
        {"match": {"event": {"objectData.currency": "YYY"}}, "refuse": True, "code": quoted, "message": "no"},
        {
            "match": {"account": "98005"},
            "status": 401,
            "code": f"Unknown:{EMAIL}",
            "message": f"{EMAIL} has no account",
        },
    )
    good = [line(f"good-{number}") for number in range(5)]
    ground.run("enqueue", "-", given=as_lines([*good, line("bad-1", currency="XXX"), line("bad-2", currency="XXX")]))
    ground.run("enqueue", "-", given=as_lines([line("code", currency="YYY"), line("quoted", "98005")]))
    wrong = line("wrong")
    wrong["event"]["eventType"] = ""
    wrong["event"]["objectData"].append({"name": "email", "value": [EMAIL]})
    raises = line("raises", note="raises")
    ground.run("enqueue", "-", given=as_lines([wrong, raises]) + f"{{no JSON of {NAME}\n")
    ground.run("enqueue", "-", "--dry-run", given=f'{{"destination": "event-api", "name": "{NAME}"}}\n')
    with contextlib.closing(Producer.from_env(ground.in_process)) as producer:
        for event in (wrong["event"], {"eventType": NAME, EMAIL: 1}, {"objectData": NAME}):
            with pytest.raises(InvalidEvent) as fault:
                producer.enqueue("event-api", account="98001", event=event)
            ground.said[f"InvalidEvent {len(ground.said)}"] = str(fault.value)
    prefix = ground.forwarder.cli.env["FORWARDER_KEY_PREFIX"]
    with contextlib.closing(sync_redis(ground.forwarder.cli.env["FORWARDER_REDIS_URL"])) as redis:
        redis.lpush(f"{prefix}.events", json.dumps(wrong), f"no JSON of {NAME}", json.dumps(raises))
    ground.run("drain", "--timeout", "1")


def _what_fails_and_what_is_garbage(ground: Ground) -> None:
    sandbox = ground.forwarder.sandbox
    sandbox.faults(
        {"status": 500, "message": f"broken for {EMAIL}", "times": 1},
        {"status": 200, "body": f'{{"results": "{EMAIL}"', "times": 1},
        {"status": 302, "body": f"to {NAME}", "times": 1},
        {"status": 400, "code": "BadRequest", "message": f"{EMAIL} {NAME}", "times": 1},
    )
    ground.run("enqueue", "-", given=as_lines([line("fault", "98002")]))
    ground.run("drain", "--timeout", "1")
    sandbox.faults()
    sandbox.credentials({"98009": {"public_key": "rpub-11", "secret_key": "rsec-22"}})
    ground.run("enqueue", "-", given=as_lines([line("refused", "98003"), line("without-keys", "98004")]))
    eventually(lambda: all(word in ground.logs["worker.log"] for word in ("Unauthorized", "CredentialsMissing")))
    sandbox.credentials(None)


def _what_operators_try(ground: Ground) -> None:
    """With letters: look for them, change them, carry them away and back; and their mistakes."""
    eventually(lambda: "98005" in ground.forwarder.cli.done("status").out)  # parked
    folder = ground.forwarder.cli.folder
    (folder / "broken.jsonl").write_text(f'{{"id": "{EMAIL}"}}\n{{"account": "{NAME}"\n"{EMAIL}"\n')
    (folder / "event.json").write_text(f'{{"eventType": "", "objectData": [{{"name": "{EMAIL}", "value": 1}}]}}')
    (folder / f"{NAME}.txt").write_text("")
    for command in (
        "find bad-2 --account 98001", "find code --account 98001 --json", "find nothing --account 98001",
        "find nothing --account 98001 --destination nowhere", "dlq edit bad-1 --set objectData.0.value=1 --yes",
        "dlq edit bad-2 --set eventType= --yes", "dlq edit bad-2 --file event.json", "dlq edit bad-2 --set no.where=1",
        "dlq export --output letters.jsonl", "dlq export --output letters.jsonl", "dlq import letters.jsonl",
        "dlq import broken.jsonl", f"dlq discard --text {NAME} --dry-run", "dlq discard --text nobody --yes",
        f"dlq replay --text {NAME} --dry-run", "dlq replays", "metrics --once", "audit --json",
    ):  # fmt: skip
        ground.run(*command.split())
    for left in ("", f"{NAME}", f'{{"eventType": "{EMAIL}", "{NAME}": 1}}'):
        ground.run("dlq", "edit", "bad-2", EDITOR=an_editor(folder, left))


def _what_operators_do(ground: Ground) -> None:
    for command in (
        "status --json", "dlq list", "dlq stats", "dlq replay bad-1", "check", "find good-1 --account 98001",
        "pause event-api --account 98001", "resume event-api", f"erase --email {EMAIL} --dry-run",
        "dlq discard bad-2 --yes", "dlq replay --all --yes", "audit", "dlq show nothing",
    ):  # fmt: skip
        ground.run(*command.split())
    ground.run("status", FORWARDER_REDIS_URL=ground.redis.url.replace("//", f"//shop:wrong-{TOKEN}@"))
    ground.run("status", FORWARDER_REDIS_URL=f"redis://:{TOKEN}@127.0.0.1:port/0")
    ground.run("status", FORWARDER_BROKER_URL=f"http://user:{TOKEN}@127.0.0.1:1/")
    ground.run("status", FORWARDER_EVENT_API_URL=f"http://user:{TOKEN}@127.0.0.1:1/")
    ground.run("status", FORWARDER_FLOWER_VIEWERS=f"{TOKEN}")


def _what_is_watched(ground: Ground) -> None:
    pages = ground.watching.looked_at(TOKEN, EMAIL, NAME)
    ground.said.update({f"console {page}": text for page, text in pages.items()})
    ground.said["metrics"] = ground.watching.scraped()


def _a_redis_that_is_gone(ground: Ground) -> None:
    spool = {"FORWARDER_SPOOL_DIR": str(ground.forwarder.cli.folder / "spool")}
    ground.redis.kill()
    with contextlib.closing(Producer.from_env(ground.in_process)) as producer:
        with pytest.raises(EnqueueFailed) as failed:
            producer.enqueue("event-api", account="98001", event=bought("lost"))
        ground.said["EnqueueFailed"] = str(failed.value)
    ground.run("enqueue", "-", given=as_lines([line("spooled")]), **spool)
    ground.run("enqueue", "-", given=as_lines([line("not-spooled")]))
    ground.said["watching without Redis"] = ground.watching.without_redis(TOKEN, EMAIL)
    eventually(lambda: re.search("onnection", ground.logs["worker.log"]))
    ground.redis.restart()
    ground.run("spool", "flush", **spool)
    ground.run("resume", "event-api", "--account", "98001")
    eventually(lambda: "spooled" in ground.forwarder.sandbox.ids("98001").get("98001", {}), 20)


def _paths(ground: Ground) -> set[str]:
    tasks = list(ground.flower.shown("/api/tasks", params={"limit": "20"}).json())
    workers = [each["hostname"] for each in ground.flower.shown("/workers", params={"json": "1"}).json()["data"]]
    names = {pattern: tasks if "/task/" in pattern else workers for pattern in routes()}
    return {path_of(pattern, name) for pattern in routes() for name in names[pattern]}


@pytest.mark.parametrize("value", [*PERSONAL, *SECRETS])
def test_it_is_found_nowhere(told: dict[str, str], value: str) -> None:
    if value in PERSONAL:
        told = {where: text for where, text in told.items() if not where.startswith(SHOWING)}
    assert {where: _around(text, value) for where, text in told.items() if value in text} == {}


def _around(text: str, value: str) -> str:
    place = text.index(value)
    return text[max(0, place - 300) : place + 100]


def test_what_was_searched_is_what_was_meant(told: dict[str, str]) -> None:
    """Attempts, faults, a letter of the intake, a callback that raised, a lost Redis: all of them are there."""
    worker = told["worker.log"]
    for word in ('"attempt"', "internalservererror", "unauthorized", "credentialsmissing", "traceback", "onnection"):
        assert word in worker, word
    assert "deliveryfailed" in "".join(told.values())
    assert "consent" in "".join(told.values())
    assert len([where for where in told if where.startswith("/task/")]) > 5


def test_a_code_that_names_somebody_is_none(told: dict[str, str]) -> None:
    """Neither a label, nor a result of a task, nor a word of the log: there it is unusual."""
    assert 'code="unusualcode"' in told["metrics"]
    assert "unusualcode" in told["worker.log"]
    assert "unusualcode" in "".join(text for where, text in told.items() if where.startswith("/task/"))
    assert "unknown:***: *** has no account" in "".join(
        text for where, text in told.items() if where.startswith("status")
    )


@pytest.mark.parametrize("log", ["worker.log", "flower.log"])
def test_every_line_of_a_log_is_json_with_its_time_and_level(ground: Ground, told: dict[str, str], log: str) -> None:
    """Celery's, kombu's, httpx's and Flower's lines, and tracebacks: one object a line."""
    assert told
    lines = Path(ground.forwarder.cli.folder / log).read_text("utf-8").splitlines()
    records = [json.loads(each) for each in lines]
    assert records
    assert all({"event", "level", "timestamp"} <= record.keys() for record in records)
