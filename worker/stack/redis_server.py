"""The embedded Redis: a server of our own on the loopback interface, with its data in a directory of ours."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from worker.stack import data_dir as data_dirs
from worker.stack.child import Child
from worker.stack.errors import StackError, StartError
from worker.stack.ports import LOOPBACK, free_port
from worker.stack.redis_answer import Answer, ask
from worker.stack.server_binary import find_server

__all__ = ["EmbeddedRedis", "find_server"]

LOG_NAME = "redis.log"
_POLL_S = 0.02
_PORTS_TRIED = 5


class EmbeddedRedis:
    """A Redis or Valkey server that keeps its data in `data_dir` and evicts nothing.

    `port` 0: a free one, kept over `restart`. `maxmemory`: bytes, or as Redis spells it ("256mb"). `options`: further
    directives of redis.conf. `server`: its binary, else `find_server()`. Times in seconds: `start_timeout` without an
    answer, `loading_timeout` while it reads its data, `lock_patience` for a server that is just ending.

    It has no password: it listens on 127.0.0.1 only. When this process ends without `stop`, however that happens,
    the server receives SIGTERM (on Linux) and writes its last data; a copy of the lock keeps others out until then.
    """

    name = "Redis"

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        appendfsync: Literal["everysec", "always", "no"] = "everysec",
        maxmemory: int | str | None = None,
        options: Mapping[str, str] | None = None,
        server: Path | None = None,
        start_timeout: float = 15.0,
        loading_timeout: float = 600.0,
        lock_patience: float = 2.0,
    ) -> None:
        self.data_dir = data_dir
        self.port = port
        self._options = _directives(appendfsync, maxmemory) | dict(options or {})
        self._server = server
        self._start_timeout = start_timeout
        self._loading_timeout = loading_timeout
        self._lock_patience = lock_patience
        self._lock: data_dirs.DataDirLock | None = None
        self._child: Child | None = None

    def start(self) -> Self:
        """Start it; returns when it takes commands.

        Raises ServerNotFoundError, DataDirBusyError, or StartError with the last lines of its log.
        """
        if self.running:
            raise StartError(f"Redis runs already (pid {self.pid})")
        try:
            self._start_on_some_port()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, grace_s: float = 10.0) -> None:
        """SIGTERM, on which it writes its last data; after `grace_s` seconds SIGKILL. Nothing happens if it is down."""
        try:
            if self._child is not None:
                self._child.stop(grace_s)
        finally:
            if self._lock is not None:
                self._lock.release()

    def kill(self) -> None:
        """SIGKILL, as a crash; the data directory stays ours until `restart` or `stop`."""
        if self._child is not None:
            self._child.kill()

    def restart(self) -> Self:
        """Stop it if it runs, and start it on the same port with the same data. Raises as `start` does."""
        if self._child is not None:
            self._child.stop()
        return self.start()

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:PORT/0``. Raises StackError before the port is known."""
        if self.port == 0:
            raise StackError("Redis was not started")
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def pid(self) -> int:
        """Process id of the server, of its last run if it is down. Raises StackError before `start`."""
        if self._child is None:
            raise StackError("Redis was not started")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._child is not None and self._child.running

    def ending(self) -> str:
        """How its last run ended, and the last lines of its log."""
        return "Redis was not started" if self._child is None else self._child.ending()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_on_some_port(self) -> None:
        folder = data_dirs.make(self.data_dir)
        server = self._server or find_server()
        self._lock = self._lock or data_dirs.DataDirLock(folder)
        lock = self._lock.acquire(self._lock_patience)
        for attempt in range(1, _PORTS_TRIED + 1):
            port = self.port or free_port()
            self._child = self._run(server, folder, port, lock)
            if self._became_ready(self._child, port):
                self.port = port
                return
            if self.port or attempt == _PORTS_TRIED or "in use" not in self._child.log_tail():
                raise StartError(self._child.ending())

    def _run(self, server: Path, folder: Path, port: int, lock: int) -> Child:
        directives = {"port": str(port), "dir": str(folder)} | self._options
        argv = [str(server), *(word for key, value in directives.items() for word in (f"--{key}", value))]
        env = os.environ | {"LC_ALL": "C"}  # a server refuses to start under a locale that is not installed
        child = Child("Redis", argv, env, folder / LOG_NAME, death_signal=signal.SIGTERM, keep_open=[lock])
        return child.start()

    def _became_ready(self, child: Child, port: int) -> bool:
        """False if it ended. Raises StartError when it is silent, or reads its data, for too long."""
        began = heard = time.monotonic()
        while child.running:
            answer, now = ask(port, child.pid), time.monotonic()
            if answer is Answer.READY:
                return True
            if answer is Answer.LOADING:
                heard = now  # silence counts anew: one large value can keep it from answering for a while
            if now - heard > self._start_timeout or now - began > self._loading_timeout:
                child.kill()
                raise StartError(f"Redis did not get ready in time ({answer.value}): {child.ending()}")
            time.sleep(_POLL_S)
        return False


def _directives(appendfsync: str, maxmemory: int | str | None) -> dict[str, str]:
    wanted = {
        "bind": LOOPBACK,
        "protected-mode": "yes",
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": appendfsync,
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return wanted if maxmemory is None else wanted | {"maxmemory": str(maxmemory)}
