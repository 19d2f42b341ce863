"""`forwarder up`: the whole stack in the foreground."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from producers.settings import buffer_settings
from worker.broker.amqp_url import shown
from worker.broker.broker import is_amqp
from worker.broker.check import BrokerAway, check_broker
from worker.connection.client import check_keeps_everything, sync_redis
from worker.settings import load_settings, needs_sandbox, open_credentials
from worker.stack import parts
from worker.stack.errors import StartError
from worker.stack.ports import LOOPBACK, free_port, is_free, wait_http
from worker.stack.processes import Ending, Stack
from worker.stack.redis_server import EmbeddedRedis
from worker.stack_state import forget_stack, note_stack

Say = Callable[[str, str], object]
TOLD = ("FORWARDER_REDIS_URL", "FORWARDER_SANDBOX_URL", "FORWARDER_CONSOLE_URL", "FORWARDER_FLOWER_URL")
REDIS_PORT, SANDBOX_PORT, FLOWER_PORT, CONSOLE_PORT = 6390, 8180, 5555, 8190


class Wishes(NamedTuple):
    """What the caller wants of the stack. Ports: taken if they are free, else others, which are told."""

    folder: Path
    flower_port: int = FLOWER_PORT
    flower_password: str = ""
    sandbox_port: int = SANDBOX_PORT
    console_port: int = CONSOLE_PORT
    console_token: str = ""


def run(environ: Mapping[str, str], wishes: Wishes, say: Say) -> Ending:
    """Starts everything, tells each address through `say`, and waits for a signal or for a program that ended."""
    folder = wishes.folder.resolve()
    with Stack() as stack:
        env = _with_absolute_paths(environ)
        if not (env.get("FORWARDER_REDIS_URL") or env.get("REDIS_URL")):
            env["FORWARDER_REDIS_URL"] = stack.start(EmbeddedRedis(folder / "redis", _port(REDIS_PORT))).url
            say("Redis", env["FORWARDER_REDIS_URL"])
        else:
            folder.mkdir(parents=True, exist_ok=True)
        if not env.get("FORWARDER_SANDBOX_URL") and needs_sandbox(env):
            sandbox = stack.start(parts.sandbox(env, folder, _port(wishes.sandbox_port)))
            env["FORWARDER_SANDBOX_URL"] = parts.sandbox_url(sandbox)
            say("sandbox", env["FORWARDER_SANDBOX_URL"])
        flower_port, console_port = _port(wishes.flower_port), _port(wishes.console_port)
        for name, port in (("FORWARDER_FLOWER_URL", flower_port), ("FORWARDER_CONSOLE_URL", console_port)):
            env[name] = env.get(name) or f"http://{LOOPBACK}:{port}"  # each links to the other
        stack.start(_Noted(folder, env))
        _start_worker(stack, env, folder, say)
        _start_flower(stack, env, wishes, flower_port, say)
        _start_console(stack, env, wishes, console_port, say)
        say("logs", str(folder))
        return stack.watch()


def _start_worker(stack: Stack, env: Mapping[str, str], folder: Path, say: Say) -> None:
    settings = load_settings(env)
    open_credentials(settings.worker, env)  # a fault is told here, not in the worker's log
    _check_broker(settings.broker_url, say)
    buffer = buffer_settings(env)
    redis = sync_redis(buffer.redis_url)
    for warning in check_keeps_everything(redis, buffer.redis_url):
        say("warning", warning)
    worker = stack.start(parts.worker(env, folder))
    parts.wait_for_worker(redis, buffer.key_prefix, worker)
    say("worker", f"at work (pid {worker.pid})")


def _check_broker(url: str, say: Say) -> None:
    if is_amqp(url):
        try:
            check_broker(url)
        except BrokerAway as error:
            raise StartError(str(error)) from None
        say("broker", f"{shown(url)} (quorum queues)")


def _start_flower(stack: Stack, env: Mapping[str, str], wishes: Wishes, port: int, say: Say) -> None:
    password = wishes.flower_password or parts.new_password()
    flower = stack.start(parts.flower(env, wishes.folder.resolve(), port, password))
    url = f"http://{LOOPBACK}:{port}"
    wait_http(f"{url}/healthcheck", parts.READY_S, flower)
    say("Flower", f"{url}  user forwarder, password {password if not wishes.flower_password else 'as given'}")


def _start_console(stack: Stack, env: Mapping[str, str], wishes: Wishes, port: int, say: Say) -> None:
    token = wishes.console_token or parts.new_token()
    console = stack.start(parts.console(env, wishes.folder.resolve(), port, token))
    url = f"http://{LOOPBACK}:{port}"
    wait_http(f"{url}/healthz", parts.READY_S, console)
    say("console", f"{url}  token {token if not wishes.console_token else 'as given'}")


def _port(wanted: int) -> int:
    return wanted if wanted and is_free(wanted) else free_port()


def _with_absolute_paths(environ: Mapping[str, str]) -> dict[str, str]:
    """The programs run in another folder than the caller's."""
    env = dict(environ)
    if env.get("FORWARDER_CREDENTIALS_FILE"):
        env["FORWARDER_CREDENTIALS_FILE"] = str(Path(env["FORWARDER_CREDENTIALS_FILE"]).resolve())
    return env


class _Noted:
    """The note that tells other commands where the stack is; it goes with the stack."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = env

    def start(self) -> None:
        note_stack(self._folder, {name: self._env[name] for name in TOLD if name in self._env})

    def stop(self) -> None:
        forget_stack(self._folder)
