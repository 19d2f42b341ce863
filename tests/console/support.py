"""A console in a thread of the test's process, a browser without JavaScript, and letters to look at."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from msgspec.structs import replace

from producers.append import Entry
from producers.clock import now_ms
from producers.keys import Slot
from producers.stored_event import StoredEvent
from tests.buffer.support import World, whole
from worker.buffer.batches import Batch, Death, Settlement
from worker.cli.console import surroundings
from worker.console.access import Access
from worker.console.app import create_app
from worker.web.origin import Place
from worker.web.server import running

TOKEN = "a-token-for-tests-alone"
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one for all: each of httpx's own reads all authorities


class Parsed(HTMLParser):
    """The elements of a page: (name, attributes), its text, and each run of it between two tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.cells: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data
        self.cells.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


class Browser(httpx.Client):
    """Keeps cookies; follows no redirect by itself; a form is sent as a page of the console sends it."""

    def __init__(self, url: str, access: Access | None = None) -> None:
        """`access`: of the console, to be signed in without a login and to know the token of forms without a page."""
        super().__init__(base_url=url, timeout=30, verify=_NO_TLS, trust_env=False)
        self.own = {"origin": url, "sec-fetch-site": "same-origin"}
        self._access = access
        if access:
            self.cookies.set("forwarder_console", access.grant())

    def sign_in(self, token: str = TOKEN, name: str = "", **headers: str) -> httpx.Response:
        return self.post("/login", data={"token": token, "name": name}, headers={**self.own, **headers})

    def page(self, address: str) -> Parsed:
        answer = self.get(address)
        assert answer.status_code == 200, (answer.status_code, answer.text[-2000:])
        return Parsed(answer.text)

    def csrf(self) -> str:
        session = self._access.session(self.cookies["forwarder_console"]) if self._access else None
        if self._access and session:
            return self._access.form_token(session)
        return next(each["value"] for each in self.page("/audit").all("input") if each.get("name") == "csrf")

    def act(self, address: str, fields: Mapping[str, str]) -> httpx.Response:
        """A form with the token of this session."""
        return self.post(address, data={"csrf": self.csrf(), **fields}, headers=self.own)

    def submit(self, address: str, action: str = "", **fields: str) -> httpx.Response:
        """The form of a page that posts (to `action`, if it has several), as it stands there but for these fields."""
        forms = re.findall(r'<form[^>]*method="post".*?</form>', self.get(address).text, re.DOTALL)
        (form,) = [each for each in forms if "/logout" not in each and f'action="{action}' in each][:1]
        parsed = Parsed(form)
        given = {each["name"]: each.get("value", "") for each in parsed.all("input") if "name" in each}
        return self.post(parsed.all("form")[0]["action"], data={**given, **fields}, headers=self.own)

    def followed(self, answer: httpx.Response) -> Parsed:
        assert answer.status_code == 303, (answer.status_code, answer.text[-2000:])
        return self.page(answer.headers["location"])


class Console(NamedTuple):
    """A console that runs."""

    url: str
    env: dict[str, str]
    access: Access

    def browser(self) -> Browser:
        return Browser(self.url)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


@contextmanager
def served(env: dict[str, str], place: Place | None = None, **around: Any) -> Iterator[Console]:
    """Over real HTTP, in a thread. `around`: other surroundings than those of the environment."""
    admits = Access(TOKEN)
    app = create_app(surroundings(env)._replace(**around), admits, place or Place("127.0.0.1"))
    told: list[str] = []
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def work() -> None:
        async with running(app) as url:
            told.append(url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(work()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield Console(told[0], env, admits)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def conversion(event_id: str, **fields: Any) -> dict[str, Any]:
    """A valid event of `event-api`."""
    data = [{"name": "email", "value": f"{abs(hash(event_id))}@example.com"}, {"name": "amount", "value": "12.50"}]
    return {"clientEventId": event_id, "eventType": "conversion", "objectData": data, **fields}


async def bury(
    redis: Any,
    slot: Slot,
    event_id: str,
    *,
    account: str = "12345",
    code: str = "BadAmount",
    message: str = "amount is below 0",
    event: Any = None,
    trace_id: str = "trace-1",
) -> None:
    """An event that Rokt refused: a dead letter, through the scripts."""
    world = World(redis, slot, checked=False, linger_ms=0)
    payload = json.dumps(event or conversion(event_id), ensure_ascii=True).encode()
    stored = StoredEvent(world.now, world.now, payload, id=event_id)
    await world.append(Entry(account, "", "", world.now, len(payload) + 1, stored.encode()))
    batch = await _claimed(world, account)
    reasons = [{"code": code, "message": message}]
    died = {"at": "2026-01-31T12:00:00.000Z", "reasons": reasons, "status": 400, "attempts": 1, "trace_id": trace_id}
    dead = replace(stored, history=({**died, "batch": batch.id},))
    await world.settle(batch, Settlement(0, (Death(event_id, code, dead.event_time, dead.encode()),)))


async def _claimed(world: World, account: str) -> Batch:
    """The batch of this account; what else is due goes back to its place."""
    while True:
        mine: Batch | None = None
        for batch in (await world.claim()).batches:
            if batch.account == account:
                mine = batch
            else:
                await world.settle(batch, whole(batch, refund=True))
        if mine:
            return mine
        world.later(1)


__all__ = ["TOKEN", "Browser", "Console", "Parsed", "bury", "conversion", "now_ms", "served"]
