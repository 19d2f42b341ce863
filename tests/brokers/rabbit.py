"""A RabbitMQ node of the tests' own, on loopback, in a folder of its own, which ends with this process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from kombu import Connection

from tests.redis.certificates import Authority
from worker.stack.child import Child
from worker.stack.errors import StartError
from worker.stack.ports import LOOPBACK, free_port, is_free

NOT_THERE = "RabbitMQ is not installed: not tested (Debian: apt-get install rabbitmq-server)"
VARIABLE = "FORWARDER_TEST_RABBITMQ"  # a rabbitmq-server, if it lies where nobody would look
READY_S = 90.0
VHOSTS = tuple(f"v{number}" for number in range(6))
PASSWORD = "made-up-for-tests"
WORKER, SHOP = "worker", "shop"  # with the rights that ops/docs/rabbitmq.md gives them
_ON_LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
_PLACES = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/local/sbin/rabbitmq-server")
# Of all modules RabbitMQ's own are loaded; looking for them in a hundred folders of plugins first takes seconds.
_FIRST = (
    "osiris",
    "seshat",
    "aten",
    "gen_batch_server",
    "rabbitmq_prelaunch",
    "ranch",
    "ra",
    "rabbit_common",
    "rabbit",
)


def find_rabbit() -> Path | None:
    """Not Debian's wrapper of that name, which changes the user."""
    for place in (os.environ.get(VARIABLE), *_PLACES, shutil.which("rabbitmq-server")):
        if place and (server := Path(place).resolve().with_name("rabbitmq-server")).exists() and shutil.which("epmd"):
            return server
    return None


class Rabbit:
    """One node. Users, rights and virtual hosts are there from its first start; `VHOSTS` are for a test each."""

    def __init__(self, server: Path, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self.port, self._tls_port, dist, self._epmd_port = (free_port() for _ in range(4))
        self.node = f"forwarder{self.port}@localhost"
        self._env = _environment(self.node, folder, server, dist, self._epmd_port)
        self._epmd = Child("epmd", ["epmd", "-address", LOOPBACK, "-port", str(self._epmd_port)], self._env)
        self._child: Child | None = None

    def __enter__(self) -> Self:
        for name in ("mnesia", "log", "home"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "enabled_plugins").write_text("[].\n")
        (self._folder / "definitions.json").write_text(json.dumps(definitions()))
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {LOOPBACK}:{self.port}\n"
            f"listeners.ssl.1 = {LOOPBACK}:{self._tls_port}\n"
            f"{self._certificates()}"
            "log.file = rabbit.log\n"
            f"load_definitions = {self._folder}/definitions.json\n"
            "raft.wal_max_size_bytes = 16777216\n"
        )
        self._epmd.start()
        try:
            _until(lambda: not is_free(self._epmd_port), self._epmd)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        if self._child:
            self._child.kill()
        self._epmd.kill()

    def url(self, vhost: str, user: str = WORKER) -> str:
        return f"amqp://{user}:{PASSWORD}@{LOOPBACK}:{self.port}/{vhost}"

    def tls_url(self, vhost: str, parameters: str = "") -> str:
        return f"amqps://{WORKER}:{PASSWORD}@{LOOPBACK}:{self._tls_port}/{vhost}{parameters}"

    @property
    def ca(self) -> Path:
        """Of the authority that signed the node's certificate."""
        return self._folder / "ca.pem"

    @property
    def pid(self) -> int:
        assert self._child
        return self._child.pid

    def start(self) -> None:
        """Returns once it takes connections."""
        child = Child("RabbitMQ", [str(self._server)], self._env, self._folder / "out.log")
        self._child = child.start()
        _until(self._answers, child)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._child
        self._child.kill()

    def ctl(self, *arguments: str) -> str:
        """What rabbitmqctl says."""
        command = [str(self._server.with_name("rabbitmqctl")), "-n", self.node, "--silent", *arguments]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, check=True, timeout=60).stdout

    def queues(self, vhost: str) -> dict[str, dict[str, Any]]:
        """Name -> type, durable, messages and arguments of each queue."""
        fields = ("name", "type", "durable", "messages", "arguments")
        listed = json.loads(self.ctl("list_queues", "-p", vhost, "--formatter", "json", *fields))
        return {queue["name"]: queue for queue in listed}

    def _certificates(self) -> str:
        certificate, key = Authority(self._folder).signed("rabbit")
        files = {"cacertfile": self.ca, "certfile": certificate, "keyfile": key}
        return "".join(f"ssl_options.{name} = {file}\n" for name, file in files.items())

    def _answers(self) -> bool:
        try:
            with Connection(self.url(VHOSTS[-1]), connect_timeout=1) as connection:
                connection.ensure_connection(max_retries=1, interval_start=0.05, interval_max=0.05)
        except Exception:  # noqa: BLE001 - it refuses in many ways until it is there
            return False
        return True


def definitions() -> dict[str, Any]:
    """What the management interface would export."""
    return {
        "vhosts": [{"name": vhost} for vhost in VHOSTS],
        "users": [{"name": user, "password": PASSWORD, "tags": ""} for user in RIGHTS],
        "permissions": [{"user": user, "vhost": at, **rights} for user, rights in RIGHTS.items() for at in VHOSTS],
    }


_OURS = r"^(forwarder(\..*)?|celeryev(\..*)?|(.*\.)?(reply\.)?celery\.pidbox)$"
RIGHTS: Mapping[str, Mapping[str, str]] = {
    "admin": {"configure": ".*", "write": ".*", "read": ".*"},
    WORKER: {"configure": _OURS, "write": rf"{_OURS}|^amq\.default$", "read": _OURS},
    SHOP: {"configure": "^$", "write": r"^amq\.default$", "read": "^$"},
}


def _environment(node: str, folder: Path, server: Path, dist: int, epmd: int) -> dict[str, str]:
    usual = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
    return {
        **usual,
        "HOME": str(folder / "home"),  # of the cookie
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(epmd),
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_DIST_PORT": str(dist),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_ALLOW_INPUT": "1",  # the shell becomes the node, which so ends with us
        "RABBITMQ_SERVER_START_ARGS": "-noinput",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+sbwt none {_ON_LOOPBACK} {_code_paths(server)}",
    }


def _code_paths(server: Path) -> str:
    plugins = server.resolve().parent.parent / "plugins"
    found = [path for name in _FIRST for path in sorted(plugins.glob(f"{name}-[0-9]*/ebin"))]
    return " ".join(f"-pa {path}" for path in found)


def _until(there: Any, child: Child) -> None:
    ends = time.monotonic() + READY_S
    while not there():
        if not child.running or time.monotonic() > ends:
            raise StartError(f"{child.name} is not there: {child.ending()}")
        time.sleep(0.05)
