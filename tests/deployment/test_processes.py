"""The programs of docker-compose.yml, with its arguments, its environment and its health checks, on this machine.

What compose would do is done here: .env is the example with its two logins set, names of services become loopback
ports, paths in the image become those of this environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.deployment.compose import compose, set_by_example
from tests.integration.support import FORWARDER, as_lines, eventually, samples
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.ports import LOOPBACK, free_port
from worker.stack.server_binary import find_server

LOGINS = {"FORWARDER_FLOWER_PASSWORD": "correct-horse", "FORWARDER_CONSOLE_TOKEN": "battery-staple-of-24-letters"}
IN_ORDER = ("redis", "sandbox", "worker", "flower", "console", "metrics")
PORTS = {"redis": "6379", "sandbox": "8180", "flower": "5555", "console": "8190", "metrics": "9464"}


class Machine(NamedTuple):
    """The services of the file, with the places that they have here."""

    services: dict[str, Any]
    places: dict[str, str]
    folder: Path
    base: dict[str, str]

    def here(self, text: str) -> str:
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text

    def environment(self, name: str) -> dict[str, str]:
        given = {key: self.here(str(value)) for key, value in self.services[name].get("environment", {}).items()}
        env_file = set_by_example() | LOGINS if "env_file" in self.services[name] else {}
        return {**self.base, **env_file, **given}

    def start(self, name: str) -> Child:
        argv = [self.here(word) for word in self.services[name]["command"]]
        if name == "redis":
            argv = [str(find_server()), *argv[1:], "--port", self.places["6379"], "--bind", LOOPBACK]
        folder = self.folder / name
        folder.mkdir()
        os.chdir(folder)
        return Child(name, argv, self.environment(name), self.folder / f"{name}.log").start()

    def healthy(self, name: str) -> bool:
        """What the health check of the file says. Redis's own client is not on every machine: it is asked by ours."""
        _, *check = self.services[name]["healthcheck"]["test"]
        if name == "redis":
            return bool(Redis(port=int(self.places["6379"])).ping())
        argv = [self.here(word) for word in check]
        return subprocess.run(argv, env=self.environment(name), capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, dict[str, Child]]]:
    """All of them, healthy."""
    folder, home = tmp_path_factory.mktemp("compose"), Path.cwd()
    ports = {port: str(free_port()) for port in PORTS.values()}
    names = {"//redis:": f"//{LOOPBACK}:", "//sandbox:": f"//{LOOPBACK}:", "0.0.0.0": LOOPBACK}  # noqa: S104 - replaced
    paths = {f"/opt/forwarder/{parts.SHARED_FLOWER_CONFIG}": str(parts.flower_config()), "/data": str(folder / "redis")}
    base = parts.clean(os.environ, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    machine = Machine(compose(LOGINS)["services"], {**names, **paths, **ports}, folder, base)
    started: dict[str, Child] = {}
    try:
        with ExitStack() as ending:
            for name in IN_ORDER:
                started[name] = machine.start(name)
                ending.callback(started[name].kill)
                if name == "redis":
                    eventually(lambda: _answers(machine))
            for name in IN_ORDER:
                eventually(partial(machine.healthy, name), 60)
            yield machine, started
    finally:
        os.chdir(home)


def _answers(machine: Machine) -> bool:
    try:
        return machine.healthy("redis")
    except RedisError:
        return False


def test_what_is_enqueued_is_delivered(machine: tuple[Machine, dict[str, Child]]) -> None:
    stage, _ = machine
    env = {**stage.environment("worker"), "FORWARDER_LINGER_MS": "100"}
    given = as_lines(samples("97001", 150)).encode()
    subprocess.run([FORWARDER, "enqueue", "-"], env=env, input=given, check=True, capture_output=True)
    subprocess.run([FORWARDER, "drain", "--timeout", "60"], env=env, check=True, capture_output=True)
    taken = httpx.get(f"http://{LOOPBACK}:{stage.places['8180']}/_sandbox/ids", trust_env=False).json()["ids"]
    assert len(taken["97001"]) == 150


def test_redis_is_set_up_to_keep_everything(machine: tuple[Machine, dict[str, Child]]) -> None:
    stage, _ = machine
    with Redis(port=int(stage.places["6379"]), decode_responses=True) as redis:
        wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction", "appendfsync": "everysec", "save": ""}
        assert {name: redis.config_get(name)[name] for name in wanted} == wanted
        assert redis.config_get("maxmemory")["maxmemory"] == str(2**30)


def test_flower_answers_nobody_without_a_login(machine: tuple[Machine, dict[str, Child]]) -> None:
    stage, _ = machine
    url = f"http://{LOOPBACK}:{stage.places['5555']}/tasks"
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, trust_env=False, auth=("forwarder", "correct-horse")).status_code == 200


def test_the_console_answers_nobody_without_its_token(machine: tuple[Machine, dict[str, Child]]) -> None:
    """By the host name and the port at which the file publishes it."""
    stage, _ = machine
    url = f"http://{LOOPBACK}:{stage.places['8190']}"
    with httpx.Client(base_url=url, trust_env=False, headers={"Origin": url}) as client:
        assert client.get("/").headers["location"].startswith("/login")
        assert client.post("/login", data={"token": "wrong-wrong-wrong-wrong"}).status_code == 403
        assert client.post("/login", data={"token": LOGINS["FORWARDER_CONSOLE_TOKEN"]}).status_code == 303
        assert "Destinations" in client.get("/").text


def test_prometheus_gets_its_metrics(machine: tuple[Machine, dict[str, Child]]) -> None:
    stage, _ = machine
    told = httpx.get(f"http://{LOOPBACK}:{stage.places['9464']}/metrics", trust_env=False).text
    assert "forwarder_workers 1.0" in told


def test_a_signal_ends_each_in_order_within_the_time_that_the_file_gives(
    machine: tuple[Machine, dict[str, Child]],
) -> None:
    """Last of this module: a container that ends by force loses what it had under way."""
    stage, started = machine
    began = time.monotonic()
    for name in [name for name in IN_ORDER if name != "redis"]:
        os.kill(started[name].pid, signal.SIGTERM)
    for name in [name for name in IN_ORDER if name != "redis"]:
        left = int(stage.services[name]["stop_grace_period"].rstrip("s")) - (time.monotonic() - began)
        assert started[name].wait(left) == 0, started[name].ending()
    started["redis"].stop(10)
    assert started["redis"].exit_status == 0
