"""The programs that make up the forwarder, as children of this process: sandbox, worker, Flower."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from redis import Redis

from producers.errors import ConfigurationError
from worker.lifecycle.heartbeat import alive
from worker.lifecycle.stopping import FORCED_S
from worker.settings import shutdown_timeout_s
from worker.stack.child import Child
from worker.stack.errors import StartError
from worker.stack.ports import LOOPBACK

READY_S = 60.0
ENDS_WITHIN_S = FORCED_S + 5.0  # after its soft time-out a worker has ended, by itself or by its own watchdog
_LOOK_S = 0.05


def python(*arguments: str) -> list[str]:
    """This interpreter; with the current folder off its path, where a shop may have a `worker` of its own."""
    return [sys.executable, "-P", *arguments]


def celery(folder: Path, *arguments: str) -> list[str]:
    """A command of our Celery app. Celery puts the current folder on its path, so it gets one of ours."""
    return python("-m", "celery", "--workdir", str(folder.resolve()), "-A", "worker", *arguments)


def clean(environ: Mapping[str, str], **ours: str) -> dict[str, str]:
    """The environment without anything that would steer the forwarder, and with our own variables."""
    ruled = ("FORWARDER_", "FLOWER_", "CELERY_", "REDIS_URL", "LOG_LEVEL")
    return {name: value for name, value in environ.items() if not name.startswith(ruled)} | ours


def sandbox(environ: Mapping[str, str], folder: Path, port: int = 0, options: Sequence[str] = ()) -> Child:
    """The stand-in for Rokt; its address: `sandbox_url`."""
    argv = python("-m", "worker.sandbox", "--port", str(port), *options)
    return Child("the sandbox", argv, environ, folder / "sandbox.log", say_ready=True)


def sandbox_url(child: Child) -> str:
    """Where a started sandbox listens."""
    return str(json.loads(child.first_line(READY_S))["sandbox"])


def worker(environ: Mapping[str, str], folder: Path, options: Sequence[str] = (), name: str = "worker") -> Child:
    """A Celery worker with its dispatcher. Its `stop` leaves it the time that an end in order may take."""
    argv = celery(folder, "worker", "-E", "--without-gossip", "--without-mingle", "-n", f"{name}@%h", *options)
    return Child(f"the {name}", argv, environ, folder / f"{name}.log", grace_s=_worker_grace_s(environ))


def _worker_grace_s(environ: Mapping[str, str]) -> float:
    try:
        return shutdown_timeout_s(environ) + ENDS_WITHIN_S
    except ConfigurationError:  # for the worker to tell, which ends at once then
        return ENDS_WITHIN_S


def wait_for_worker(redis: Redis, prefix: str, child: Child) -> None:
    """Returns once this worker looks for work. Raises `StartError` if it ended, or after a minute."""
    ends = time.monotonic() + READY_S
    while not _at_work(redis, prefix, child):
        if not child.running or time.monotonic() > ends:
            raise StartError(f"no worker looks for work: {child.ending()}")
        time.sleep(_LOOK_S)


def _at_work(redis: Redis, prefix: str, child: Child) -> bool:
    """By the process id in its name: an earlier one's last sign of life does not count."""
    return any(worker.pid == child.pid for worker in alive(redis, prefix))


def flower(environ: Mapping[str, str], folder: Path, port: int, password: str) -> Child:
    """Flower as ops/ configures it, on loopback and behind a password, which no command line shows."""
    ours = {
        "FORWARDER_FLOWER_ADDRESS": LOOPBACK,
        "FORWARDER_FLOWER_PORT": str(port),
        "FORWARDER_FLOWER_PASSWORD": password,
    }
    return Child("Flower", celery(folder, "flower"), {**environ, **ours}, folder / "flower.log")


def console(environ: Mapping[str, str], folder: Path, port: int, token: str) -> Child:
    """The operator's web page, on loopback; its token is on no command line."""
    argv = python("-m", "worker.cli", "console", "--host", LOOPBACK, "--port", str(port))
    return Child("the console", argv, {**environ, "FORWARDER_CONSOLE_TOKEN": token}, folder / "console.log")


def new_token() -> str:
    """Of the console."""
    return secrets.token_urlsafe(24)


def new_password() -> str:
    return secrets.token_urlsafe(12)
