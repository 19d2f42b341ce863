"""What the integration tests share: the console script as a subprocess, sample events, a whole running forwarder."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from tests.support import preloaded
from tests.support.sandbox import Sandbox
from worker.connection.client import sync_redis
from worker.stack import parts
from worker.stack.child import Child

FORWARDER = str(Path(sys.executable).with_name("forwarder"))
PRIVATE = "@private.example"  # in the e-mail address of every sample event, and nowhere else
SECRETS = ("rpub-", "rsec-")
Line = dict[str, Any]


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """`forwarder` as a user runs it, in an environment of the test's. `within_s`: how long a command may take."""

    def __init__(self, env: Mapping[str, str], folder: Path, within_s: float = 90) -> None:
        self.env = env
        self.folder = folder
        self._within_s = within_s

    def run(self, *arguments: str, given: str | bytes = b"", **variables: str) -> Ended:
        """One command, to its end. `given` is its standard input; `variables` go before the environment."""
        text = given.encode() if isinstance(given, str) else given
        ended = preloaded.run(arguments, {**self.env, **variables}, self.folder, text, self._within_s)
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def done(self, *arguments: str, **variables: str) -> Ended:
        """One command that must succeed."""
        ended = Cli({**self.env, **variables}, self.folder).run(*arguments)
        assert ended.status == 0, f"{arguments} ended with {ended.status}: {ended.err}"
        return ended

    def enqueue(self, lines: Iterable[Line], **variables: str) -> None:
        """Through `forwarder enqueue FILE`; every line must be accepted."""
        file = self.folder / f"lines-{uuid4().hex}.jsonl"
        file.write_text(as_lines(lines))
        self.done("enqueue", str(file), **variables)

    def drain(self, timeout: int = 60) -> dict[str, Any]:
        """Waits until nothing is left; the ledger of `event-api` then, which must balance."""
        return _balanced(self.done("drain", "--timeout", str(timeout), "--json"))

    def ledger(self) -> dict[str, Any]:
        """`event-api` of `status --json`, which must balance."""
        return _balanced(self.done("status", "--json"))

    def letters(self, *filters: str) -> list[dict[str, Any]]:
        letters: list[dict[str, Any]] = self.done("dlq", "list", "--json", *filters).json
        return letters


def _balanced(ended: Ended) -> dict[str, Any]:
    counts: dict[str, Any] = ended.json["event-api"]
    places = ("open", "ready", "waiting", "in_flight", "delivered", "dead", "discarded")
    assert counts["accepted"] == sum(counts[place] for place in places), counts
    return counts


def as_lines(lines: Iterable[Line]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def sample(account: str, number: int, /, **fields: str) -> Line:
    """A line for `enqueue`: the event's id is account and number; `fields` are further `objectData`."""
    data = {"email": f"jane.{number}{PRIVATE}", "amount": "12.50", **fields}
    event = {
        "clientEventId": f"{account}-{number}",
        "eventType": "conversion",
        "objectData": [{"name": name, "value": value} for name, value in data.items()],
    }
    return {"destination": "event-api", "account": account, "event": event}


def samples(account: str, count: int, first: int = 0, **fields: str) -> list[Line]:
    return [sample(account, number, **fields) for number in range(first, first + count)]


def ids_of(lines: Iterable[Line]) -> set[str]:
    return {line["event"]["clientEventId"] for line in lines}


def times_accepted(sandbox: Sandbox, account: str | None = None) -> dict[str, int]:
    """Event id -> how often the sandbox took it in. The samples' ids are unique over accounts."""
    return {event_id: times for ids in sandbox.ids(account).values() for event_id, times in ids.items()}


def eventually(found: Callable[[], Any], within_s: float = 30) -> Any:
    """What `found` gives once it gives something. For programs that can only be asked again and again."""
    ends = time.monotonic() + within_s
    while not (result := found()):
        assert time.monotonic() < ends, f"not within {within_s} s"
        time.sleep(0.05)
    return result


def environment(redis_url: str, **variables: str) -> dict[str, str]:
    """An environment with a key prefix of its own and quick retries, on the given Redis."""
    ours = {
        "FORWARDER_REDIS_URL": redis_url,
        "FORWARDER_KEY_PREFIX": f"test-{uuid4().hex[:12]}",
        "FORWARDER_LINGER_MS": "100",
        "FORWARDER_ENQUEUE_BUDGET_MS": "1000",  # the machine is busy
        "FORWARDER_RETRY_FIRST_S": "0.2",
        "FORWARDER_RETRY_LONGEST_S": "0.5",
    }
    return parts.clean(environ, **{**ours, **variables})


class Forwarder(NamedTuple):
    """A sandbox, a worker on it, and the command line to both."""

    cli: Cli
    sandbox: Sandbox
    worker: Child


@contextmanager
def running(redis_url: str, folder: Path, **variables: str) -> Iterator[Forwarder]:
    """A whole forwarder for the tests of one module."""
    env = environment(redis_url, **variables)
    rokt = parts.sandbox(env, folder).start()
    try:
        env["FORWARDER_EVENT_API_URL"] = parts.sandbox_url(rokt)
        worker = parts.worker(env, folder, ("-c", "2")).start()
        try:
            parts.wait_for_worker(sync_redis(redis_url), env["FORWARDER_KEY_PREFIX"], worker)
            with Sandbox(env["FORWARDER_EVENT_API_URL"]) as sandbox:
                yield Forwarder(Cli(env, folder), sandbox, worker)
        finally:
            worker.kill()  # in order it would take Celery seconds, which a test of its own watches
    finally:
        rokt.stop()


def processes_under(pid: int) -> set[int]:
    """The process and all its descendants that live now (Linux)."""
    parents = {int(each.name): _parent(each) for each in Path("/proc").iterdir() if each.name.isdigit()}
    family = {pid} & parents.keys()
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def alive(pids: Iterable[int]) -> set[int]:
    """Which of them run; one that ended and was not yet waited for does not."""
    return {pid for pid in pids if _state(Path(f"/proc/{pid}")) not in ("", "Z", "X")}


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1


def _state(process: Path) -> str:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
