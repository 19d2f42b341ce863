"""Listens at the sockets: notes each write that leaves this process while no effect is announced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from hashlib import sha1
from pathlib import Path
from typing import Any
from unittest.mock import patch

import hiredis
import httpx
import redis.asyncio.connection
import redis.connection

from producers import effects
from producers.effects import Moment
from producers.scripts import load
from tests.unit.imports import ROOT
from worker.http.curl import CurlTransport

READS = frozenset(
    b"GET MGET EXISTS TYPE PTTL TIME PING HGET HMGET HGETALL HEXISTS HLEN LRANGE LLEN LINDEX SMEMBERS ZRANGE"
    b" ZRANGEBYLEX ZRANGEBYSCORE ZREVRANGE ZREVRANGEBYSCORE ZSCORE ZMSCORE ZCOUNT ZLEXCOUNT ZCARD"
    b" HKEYS SCAN INFO CONFIG SELECT AUTH HELLO CLIENT SCRIPT".split()
)
SCRIPTED = (b"EVALSHA", b"EVAL")
_announced: ContextVar[tuple[str, ...]] = ContextVar("announced", default=())


class Watch:
    """`heard`: the names that were announced. `outside`: the writes that were not within one, in words.

    Once all the names of `until` were heard, `enough` is called.
    """

    def __init__(self, until: Iterable[str] = (), enough: Callable[[], object] = lambda: None) -> None:
        self._until, self._enough = frozenset(until), enough
        self.heard: set[str] = set()
        self.outside: list[str] = []
        self._reads = frozenset(_shas_that_write_nothing())

    def observe(self, moment: Moment, name: str) -> None:
        self.heard.add(name)
        now = [*_announced.get()]
        now.append(name) if moment == "before" else now.remove(name)
        _announced.set(tuple(now))
        if self._until <= self.heard:
            self._enough()

    def commands(self, packed: Any) -> None:
        """What goes to a Redis, as it lies on the wire."""
        reader = hiredis.Reader()
        for part in [packed] if isinstance(packed, bytes) else packed:
            reader.feed(bytes(part))
        while isinstance(words := reader.gets(), list):
            if self._writes(words):
                self._note(b" ".join(words[:2]).decode("utf-8", "replace"))

    def request(self, method: str, path: str) -> None:
        """What goes out over HTTP."""
        self._note(f"{method} {path}")

    def _writes(self, words: list[bytes]) -> bool:
        command = words[0].upper()
        return command not in READS and not (command in SCRIPTED and words[1] in self._reads)

    def _note(self, told: str) -> None:
        if not _announced.get():
            self.outside.append(told)


def _shas_that_write_nothing() -> Iterator[bytes]:
    """Of our scripts, by their first line: both as they are loaded with the prelude, and as they stand."""
    for file in _scripts():
        if "no-writes" in file.read_text("utf-8").partition("\n")[0]:
            package = ".".join(file.relative_to(ROOT).parent.parent.parts)
            yield load(package, file.stem).sha.encode()
            yield sha1(file.read_bytes(), usedforsecurity=False).hexdigest().encode()


def _scripts() -> Iterable[Path]:
    return [*ROOT.glob("producers/**/lua/*.lua"), *ROOT.glob("worker/**/lua/*.lua")]


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """All of this process's connections to Redis, the broker's included, and its HTTP."""
    sync_door, async_door = redis.connection.AbstractConnection, redis.asyncio.connection.AbstractConnection
    doors = (
        (sync_door, "send_packed_command", watch.commands),
        (async_door, "send_packed_command", watch.commands),
        (CurlTransport, "send", lambda each: watch.request(each.method, httpx.URL(each.url).path)),
        (httpx.AsyncHTTPTransport, "handle_async_request", lambda each: watch.request(each.method, each.url.path)),
        (httpx.HTTPTransport, "handle_request", lambda each: watch.request(each.method, each.url.path)),
    )
    patches = [patch.object(owner, name, _told(getattr(owner, name), tell)) for owner, name, tell in doors]
    for each in patches:
        each.start()
    effects.observer = watch.observe
    try:
        yield
    finally:
        effects.observer = None
        for each in patches:
            each.stop()


def _told(door: Callable[..., Any], tell: Callable[[Any], object]) -> Callable[..., Any]:
    """Before something passes the door, told in the context of whoever sends it."""

    @wraps(door)
    def passed(self: Any, what: Any, *args: Any, **options: Any) -> Any:
        tell(what)
        return door(self, what, *args, **options)

    return passed
