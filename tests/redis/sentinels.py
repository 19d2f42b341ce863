"""A primary, its replica and a sentinel that alone decides, for tests of a failover."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis

from tests.integration.support import eventually
from worker.stack.child import Child
from worker.stack.ports import LOOPBACK, free_port
from worker.stack.redis_server import EmbeddedRedis, find_server

MASTER = "events"
DOWN_AFTER_MS = 1_000


class Watched:
    """Two servers and the sentinel that watches them; `url` is how producers and workers find the primary."""

    def __init__(self, servers: tuple[EmbeddedRedis, EmbeddedRedis], sentinel: Child, port: int) -> None:
        self._servers = servers
        self.sentinel = sentinel
        self.port = port

    @property
    def url(self) -> str:
        return f"sentinel://{LOOPBACK}:{self.port}/0?master={MASTER}"

    def ask(self) -> Redis:
        return Redis(port=self.port, decode_responses=True, socket_timeout=5)

    def primary_port(self) -> int:
        with self.ask() as sentinel:
            return int(sentinel.sentinel_get_master_addr_by_name(MASTER)[1])

    @property
    def primary(self) -> EmbeddedRedis:
        port = self.primary_port()
        return next(server for server in self._servers if server.port == port)

    @property
    def replica(self) -> EmbeddedRedis:
        port = self.primary_port()
        return next(server for server in self._servers if server.port != port)

    def wait_for_another(self, port: int) -> None:
        """Returns once the sentinel names another primary than that at `port`, and it takes writes."""
        eventually(lambda: self.primary_port() != port)
        with Redis(port=self.primary_port()) as primary:
            eventually(lambda: primary.info("replication")["role"] == "master")

    def wait_for_a_replica(self) -> None:
        """Returns once a failover would find a replica that follows."""
        with self.ask() as sentinel:
            eventually(lambda: _follows(sentinel.sentinel_slaves(MASTER)))


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    with ExitStack() as stack:
        first = stack.enter_context(EmbeddedRedis(folder / "first", appendfsync="no"))
        follows = {"replicaof": f"{LOOPBACK} {first.port}"}
        second = stack.enter_context(EmbeddedRedis(folder / "second", appendfsync="no", options=follows))
        port = free_port()
        sentinel = _sentinel(folder, port, first.port).start()
        stack.callback(sentinel.kill)
        made = Watched((first, second), sentinel, port)
        eventually(lambda: _answers(made))
        made.wait_for_a_replica()
        yield made


def _sentinel(folder: Path, port: int, primary: int) -> Child:
    conf = folder / "sentinel.conf"
    conf.write_text(
        f"port {port}\nbind {LOOPBACK}\ndir {folder}\n"
        f"sentinel monitor {MASTER} {LOOPBACK} {primary} 1\n"
        f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {MASTER} 5000\n"
    )
    return Child("the sentinel", [str(find_server()), str(conf), "--sentinel"], log_path=folder / "sentinel.log")


def _answers(made: Watched) -> bool:
    try:
        return made.primary_port() > 0
    except OSError:
        return False
    except Exception:  # noqa: BLE001 - it is just starting
        return False


def _follows(replicas: list[dict[str, object]]) -> bool:
    return any(
        each["master-link-status"] == "ok" and "slave" in str(each["flags"]) and "down" not in str(each["flags"])
        for each in replicas
    )
