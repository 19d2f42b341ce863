"""A running forwarder that a test brings into the situations of the runbook, and what a person does about them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from redis import Redis

from tests.integration.support import FORWARDER, Cli, Ended, as_lines, environment, eventually, processes_under
from tests.support.sandbox import Sandbox
from worker.connection.client import sync_redis
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

ACCOUNT, EVENT, EMAIL, REPLAY = "12345", "order-4711", "jane@example.com", "r-20261122-4f2a"  # as the pages call them
OLD, RIGHT = ({"public_key": f"rpub-{name}", "secret_key": f"rsec-{name}"} for name in ("old", "right"))
SERVER_EVENTS = {"tag_id": "tag-1", "client_id": "pub-1", "client_secret": "sec-1"}
SERVERS = {"console": ["--port", "0"], "metrics": ["--port", "0"]}  # commands that go on until they are ended
NOT_USD = {"match": {"event": {"objectData.currency": "XXX"}}, "refuse": True, "code": "ValidationError"}
SETTINGS = {
    "FORWARDER_DUPLICATES_WINDOW_S": "600",
    "FORWARDER_HTTP_TIMEOUT_S": "2",
    "FORWARDER_LEASE_S": "4",
    "FORWARDER_CIRCUIT_FAILURES": "3",
    "FORWARDER_CIRCUIT_FIRST_S": "1",
    "COLUMNS": "240",
}


class Operations:
    """A Redis, a sandbox and a worker of its own. `event`, `replay`: what the ids of the pages stand for just now."""

    def __init__(self, folder: Path, redis: EmbeddedRedis, rokt: Sandbox) -> None:
        self.folder, self.redis, self.rokt = folder, redis, rokt
        self.env = environment(redis.url, **SETTINGS, FORWARDER_CREDENTIALS_FILE=str(folder / "rokt.toml"))
        self.env |= {"FORWARDER_SANDBOX_URL": rokt.url}
        self.variables: dict[str, str] = {}
        self.open: contextlib.ExitStack = contextlib.ExitStack()
        self.replay = REPLAY
        self._numbers = count()
        self.next_event()
        self.put_keys(RIGHT)
        self.worker = self._started()

    def next_event(self) -> None:
        """An id that is known would be a duplicate."""
        self.event = f"{EVENT}-{next(self._numbers)}"

    @property
    def cli(self) -> Cli:
        return Cli({**self.env, **self.variables}, self.folder)

    def client(self) -> Redis:
        return sync_redis(self.redis.url)

    def typed(self, words: list[str]) -> Ended:
        """What a command of a page answers. `redis-cli` is not on every machine, so its words go there directly."""
        program, *arguments = words
        if program == "redis-cli":
            with contextlib.closing(Redis.from_url(self.redis.url, decode_responses=True)) as redis:
                told: Any = redis.execute_command(*arguments)  # type: ignore[no-untyped-call]
            return Ended(0, "OK" if told is True else str(told), "")
        assert program == "forwarder", "only what can be tried stands on a page"
        if arguments[0] in SERVERS and "--once" not in arguments:
            return self._served([*arguments, *SERVERS[arguments[0]]])
        return self.cli.run(*arguments)

    def _served(self, arguments: list[str]) -> Ended:
        """The first line of a program that goes on, and how it ended when it was asked to."""
        env = {**self.cli.env, "FORWARDER_CONSOLE_TOKEN": "a-token-for-tests-alone"}
        with subprocess.Popen([FORWARDER, *arguments], env=env, cwd=self.folder, stdout=subprocess.PIPE) as program:
            assert program.stdout
            line = program.stdout.readline().decode()
            program.send_signal(signal.SIGTERM)
            return Ended(program.wait(20), line, "")

    def put_keys(self, keys: dict[str, str]) -> None:
        """Into the credentials file, in one step."""
        table = "".join(f'{name} = "{value}"\n' for name, value in {**keys, **SERVER_EVENTS}.items())
        fresh = self.folder / "rokt.new"
        fresh.write_text(f"[accounts.{ACCOUNT}]\n{table}")
        os.replace(fresh, self.folder / "rokt.toml")

    def another_worker(self) -> None:
        self.worker.kill()
        self.worker = self._started()

    def _started(self) -> Child:
        worker = parts.worker(self.env, self.folder, ("-c", "2"), name=f"worker{next(self._numbers)}").start()
        with contextlib.closing(self.client()) as redis:
            parts.wait_for_worker(redis, self.env["FORWARDER_KEY_PREFIX"], worker)
        return worker

    def freeze(self) -> None:
        """The worker and its pool."""
        for pid in processes_under(self.worker.pid):
            os.kill(pid, signal.SIGSTOP)

    def enqueued(self, *events: str, currency: str = "USD") -> None:
        self.cli.enqueue([line(event, currency) for event in events])

    def lines(self, *events: str) -> None:
        """A file as a shop has it."""
        (self.folder / "events.jsonl").write_text(as_lines(map(line, events)))

    def ledger(self, destination: str = "event-api") -> dict[str, Any]:
        found: dict[str, Any] = self.cli.done("status", "--json").json[destination]
        return found

    def delivered(self) -> None:
        self.cli.done("drain", "--timeout", "60")

    def dead(self, *events: str) -> None:
        """They are dead letters of `ValidationError`."""
        self.rokt.faults(NOT_USD)
        self.enqueued(*events, currency="XXX")
        eventually(lambda: {each["id"] for each in self.cli.letters()} >= set(events))

    def tidy(self) -> None:
        """All as in the beginning, but what was delivered and discarded."""
        self.open.close()
        self.variables = {}
        for file in self.folder.glob("*.jsonl"):
            file.unlink()
        self.rokt.faults()
        self.rokt.credentials(None)
        self.put_keys(RIGHT)
        if self.replay != REPLAY:
            self._end_replays()
        found = self.cli.done("status", "--json").json
        for name in [name for name, counts in found.items() if counts["holds"]]:
            self.cli.done("resume", name)
        if any(counts[place] for counts in found.values() for place in ("open", "ready", "waiting", "in_flight")):
            self.delivered()
        if self.cli.letters():
            self.cli.done("dlq", "discard", "--all", "--yes")
        self.next_event()

    def _end_replays(self) -> None:
        for each in self.cli.done("dlq", "replays", "--json").json:
            if each["state"] in ("running", "paused"):
                self.cli.run("dlq", "cancel", each["id"])  # unless it is over by now
        self.replay = REPLAY


def line(event: str, currency: str = "USD") -> dict[str, Any]:
    fields = {"amount": "1", "email": EMAIL, "currency": currency, "dob": "19700101"}
    data = [{"name": name, "value": value} for name, value in fields.items()]
    sent = {"eventType": "conversion", "objectData": data}
    return {"destination": "event-api", "account": ACCOUNT, "id": event, "event": sent}


@contextlib.contextmanager
def operations(folder: Path) -> Iterator[Operations]:
    with contextlib.ExitStack() as ending:
        redis = ending.enter_context(EmbeddedRedis(folder / "redis", appendfsync="no"))
        child = parts.sandbox(environment(redis.url), folder).start()
        ending.callback(child.kill)
        rokt = ending.enter_context(Sandbox(parts.sandbox_url(child)))
        running = Operations(folder, redis, rokt)
        ending.callback(lambda: running.worker.kill())  # whichever is the last
        yield running


__all__ = ["ACCOUNT", "EVENT", "OLD", "REPLAY", "RIGHT", "Operations", "operations"]
