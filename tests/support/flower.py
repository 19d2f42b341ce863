"""A running Flower for tests: as ops/ configures it, with an operator and a viewer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from flower.urls import handlers

from tests.integration.support import eventually
from worker.stack import parts
from worker.stack.child import Child
from worker.stack.ports import free_port, wait_http

OPERATOR, VIEWER = ("forwarder", "correct-horse-battery"), ("watcher", "stable-genius-staple")
CONSOLE = "https://console.example.com/forwarder"


class RunningFlower(NamedTuple):
    """Its pages, as whoever asks."""

    url: str
    child: Child
    client: httpx.Client

    def ask(self, method: str, path: str, login: Any = None, **options: Any) -> httpx.Response:
        return self.client.request(method, self.url + path, auth=login, **options)

    def shown(self, path: str, login: Any = OPERATOR, **options: Any) -> httpx.Response:
        """A page that must be there."""
        return self.ask("GET", path, login, **options).raise_for_status()

    @contextlib.contextmanager
    def seen_from(self, address: str) -> Iterator[RunningFlower]:
        """The same, asked from another address of this machine."""
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=30) as client:
            yield self._replace(client=client)


@contextlib.contextmanager
def flower_of(env: Mapping[str, str], folder: Path, **variables: str) -> Iterator[RunningFlower]:
    """Returns once it has heard of a worker."""
    ours = {"FORWARDER_FLOWER_VIEWERS": ":".join(VIEWER), "FORWARDER_CONSOLE_URL": CONSOLE, **variables}
    port = free_port()
    child = parts.flower({**env, **ours}, folder, port, OPERATOR[1]).start()
    url = f"http://127.0.0.1:{port}"
    try:
        wait_http(f"{url}/healthcheck", parts.READY_S, child)
        with httpx.Client(trust_env=False, timeout=30) as client:
            flower = RunningFlower(url, child, client)
            eventually(lambda: flower.shown("/workers", params={"json": "1"}).json()["data"])
            yield flower
    finally:
        child.kill()


def routes() -> dict[str, type]:
    """Every path of Flower, as its own table has it -> what answers there."""
    return {each.regex.pattern if hasattr(each, "regex") else each[0]: _handler(each) for each in handlers}


def path_of(pattern: str, name: str) -> str:
    """A path that the pattern matches, with `name` in the place of a worker or a task."""
    return pattern.rstrip("$").replace("/?", "").replace("(.+)", name).replace("(.*)", name).replace(".*", "/nothing")


def _handler(each: Any) -> type:
    handler: type = each.handler_class if hasattr(each, "handler_class") else each[1]
    return handler
