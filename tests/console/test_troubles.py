"""What the console says and does where Redis, or what lies in it, is not as it was when the console was started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis.exceptions import OutOfMemoryError

from producers.keys import agreement_key
from producers.settings import buffer_settings
from tests.console.conftest import Bury
from tests.console.support import Browser, Console, served
from tests.integration.support import environment
from worker.connection.client import with_redis
from worker.operating.audit import entries
from worker.replay import Replays
from worker.stack.ports import free_port
from worker.stack.redis_server import EmbeddedRedis
from worker.web.origin import Place

Ask = Callable[[Callable[[Any], Any]], Any]


@pytest.fixture
def ask(console: Console) -> Ask:
    """Asks Redis itself."""
    return lambda work: asyncio.run(with_redis(console.env["FORWARDER_REDIS_URL"], work))


@contextmanager
def other_layout(console: Console, ask: Ask) -> Iterator[None]:
    key = agreement_key(console.env["FORWARDER_KEY_PREFIX"])
    ask(lambda redis: redis.set(key, "layout 99, 1 shards"))
    try:
        yield
    finally:
        ask(lambda redis: redis.delete(key))


def actions(console: Console, ask: Ask) -> list[str]:
    found = ask(lambda redis: entries(redis, console.env["FORWARDER_KEY_PREFIX"]))
    return [entry["action"] for entry in found]


def test_nothing_acts_on_data_of_another_layout(console: Console, browser: Browser, buried: Bury, ask: Ask) -> None:
    buried("layout", account="layout")
    form = {"destination": "event-api", "account": '"layout"', "filter": '{"account": "layout"}'}
    before = actions(console, ask)
    with other_layout(console, ask):
        for address in ("/pause", "/accounts/pause", "/dead-letters/discard", "/dead-letters/replay"):
            answer = browser.act(address, form)
            assert (answer.status_code, "layout 99" in answer.text) == (409, True), address
        health = browser.get("/healthz")
        assert (health.status_code, "layout" in health.text) == (503, True)
    assert actions(console, ask) == before
    assert browser.get("/healthz").text == "ok\n"


def test_strangers_are_not_told_where_redis_is(console: Console) -> None:
    port = free_port()
    env = {**console.env, "FORWARDER_REDIS_URL": f"redis://127.0.0.1:{port}/0"}
    with served(env) as lonely, lonely.browser() as client:
        told = client.get("/healthz")
        assert (told.status_code, "Redis does not answer" in told.text, str(port) in told.text) == (503, True, False)
        client.sign_in()
        assert str(port) in client.get("/").text


def test_a_full_redis_is_called_full_and_a_replay_that_it_refused_has_an_end(
    console: Console, browser: Browser, buried: Bury, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    buried("full", account="full")

    async def full(*_: object, **__: object) -> None:
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")

    monkeypatch.setattr(Replays, "start", full)
    answer = browser.act("/dead-letters/replay", {"filter": '{"account": "full"}'})
    assert (answer.status_code, "Redis is full" in answer.text) == (503, True)
    ended, begun = ask(lambda redis: entries(redis, console.env["FORWARDER_KEY_PREFIX"], 2))
    assert (ended["action"], begun["action"]) == ("dlq replay", "dlq replay begun")
    assert (ended["run"], ended["details"]["broken_off"]) == (begun["run"], True)


def test_a_replay_that_is_cancelled_has_one_end_in_the_audit_however_many_tell_it(
    console: Console, browser: Browser, buried: Bury, ask: Ask
) -> None:
    buried("ended", account="ended")
    here = browser.act("/dead-letters/replay", {"filter": '{"account": "ended"}'}).headers["location"]
    replay = here.removeprefix("/replays/")
    browser.act(f"{here}/cancel", {})
    ask(lambda redis: Replays(redis, buffer_settings(console.env)).tell_end(replay))
    found = ask(lambda redis: entries(redis, console.env["FORWARDER_KEY_PREFIX"]))
    ended, begun = [entry for entry in found if entry.get("run") == replay]
    assert (begun["action"], begun["details"]["chosen"]) == ("dlq replay begun", 1)
    assert (ended["action"], ended["via"], ended["by"]) == ("dlq replay", "worker", begun["by"])
    assert (ended["details"]["replayed"], ended["details"]["cancelled"]) == (0, True)


@pytest.mark.parametrize(
    "url", ["https://Console.Example.com", "https://console.example.com:443/", "HTTPS://CONSOLE.example.com"]
)
def test_an_address_may_be_spelled_in_any_way(redis_server: EmbeddedRedis, url: str) -> None:
    with served(environment(redis_server.url), Place("127.0.0.1", url)) as proxied, proxied.browser() as client:
        ours = {"host": "console.example.com", "origin": "https://console.example.com", "sec-fetch-site": "same-origin"}
        answer = client.sign_in(**ours)
        assert answer.status_code == 303
        assert "secure" in answer.headers["set-cookie"].lower()
        assert client.sign_in(**{**ours, "origin": "https://console.example.com:444"}).status_code == 403
    assert Place("127.0.0.1").origin == ""
    assert Place("127.0.0.1", "http://[::1]:8080").origin == "http://[::1]:8080"
