"""What the tests of the spool share: what lies in Redis and in the folder, and shops as processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from producers import Producer
from producers.keys import Slot
from producers.spool.folder import Folder
from producers.spool.status import SpoolStatus, look
from producers.stored_event import payload_of
from tests.buffer.picture import take_picture
from tests.integration.support import eventually
from tests.unit.imports import ROOT
from worker.connection.client import with_redis
from worker.stack.redis_server import EmbeddedRedis


class Shop(NamedTuple):
    """A producer of this process on a Redis of the test's own, and its spool folder."""

    env: dict[str, str]
    redis: EmbeddedRedis
    folder: Path

    def producer(self) -> Producer:
        return Producer.from_env(self.env)

    def files(self) -> list[SpoolStatus]:
        return look(Folder(self.folder, 1 << 40))

    def spooled(self) -> int:
        return sum(each.events for each in self.files())

    def names(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir()) if self.folder.exists() else []

    def stored(self, destination: str = "event-api") -> list[str]:
        """What waits in Redis, oldest first: the ids, or sessions with their numbers."""
        slot = Slot(self.env["FORWARDER_KEY_PREFIX"], destination, 0)
        picture = asyncio.run(with_redis(self.redis.url, lambda redis: take_picture(redis, slot)))
        batches = sorted(picture.batches.values(), key=lambda batch: int(batch.id.partition("-")[0]))
        return [named(payload_of(one)) for batch in batches for one in batch.stored]

    def arrived(self, expected: set[str], destination: str = "event-api", within_s: float = 20) -> Counter[str]:
        """What lies in Redis once all of it is there and nothing waits in the folder."""
        eventually(lambda: expected <= set(self.stored(destination)) and not self.spooled(), within_s)
        return Counter(self.stored(destination))


def none_twice(arrived: Counter[str]) -> bool:
    """Strict where the ids are looked at when an event comes."""
    return max(arrived.values(), default=0) <= 1


def numbers_of(stored: list[str], session: str) -> list[int]:
    """Of a session, each where it came first."""
    found = [int(name.partition("/")[2]) for name in stored if name.partition("/")[0] == session]
    return list(dict.fromkeys(found))


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


class Process:
    """A shop as a process of its own (`tests.spool.a_shop`), which says each id that was given back."""

    def __init__(self, env: Mapping[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.spool.a_shop", *arguments],
            env=dict(env),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []

    def hear(self, until: Callable[[str], bool]) -> str:
        """Its lines up to the first one that is wanted."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if until(self.said[-1]):
                return self.said[-1]
        raise AssertionError(f"it ended with {self.process.wait()} after {self.said[-3:]}")

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def kill(self) -> list[str]:
        """SIGKILL; all ids that it was given, the half line of a kill left out."""
        self.process.kill()
        return self._rest()

    def end(self, within_s: float = 20) -> int:
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        self._rest()
        return self.process.wait(within_s)

    def _rest(self) -> list[str]:
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        whole, _, _ = rest.rpartition("\n")
        self.said += whole.split("\n") if whole else []
        self.process.wait(10)
        return [line for line in self.said if line.startswith("id ")]


def ids(said: list[str]) -> set[str]:
    return {line.split()[1] for line in said if line.startswith("id ")}


def after(seconds: float) -> bool:
    """A moment of a kill: time itself is what is varied here."""
    time.sleep(seconds)
    return True


def named(payload: bytes) -> str:
    event = msgspec.json.decode(payload)
    if "sessionId" in event:
        return f"{event['sessionId']}/{event['clientUniqueId']}"
    return str(event["clientEventId"])
