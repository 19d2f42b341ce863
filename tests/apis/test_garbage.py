"""Garbage on the level of HTTP, from a real socket to the buffer: nothing is delivered by it, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import structs
from redis.asyncio import Redis

from producers.append import Entry
from producers.clock import now_ms
from producers.destinations import DESTINATIONS, Destination
from producers.destinations.answers import Request
from producers.keys import Slot
from producers.stored_event import StoredEvent
from tests.apis.cases import CASES
from tests.apis.garbage import DRIP, HANG, RESET, Garbage
from tests.buffer.invariants import check
from tests.buffer.support import World
from tests.unit.fakes import Keys, NoTokens
from worker.buffer.buffer import Buffer
from worker.delivery.delivery import Delivery
from worker.delivery.sending import Target
from worker.delivery.summary import Summary
from worker.http import KINDS, HttpTransport, Kind
from worker.settings import DeliverySettings

EVENTS, TIMEOUT_S, ACCOUNT = 3, 0.3, "12345"
OK = b"HTTP/1.1 200 OK\r\n"
CLOSING = OK + b"Connection: close\r\n"  # as the server does: else the next request may be on its way already
GARBAGE = {
    "half a status line": b"HTTP/1.1 20",
    "half a status line, then silence": b"HTTP/1.1 20" + HANG,
    "no status line": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9,
    "a status that is none": b"HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "an unknown version": b"HTTP/9.7 200 OK\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"220 mail.example.com ESMTP\r\n",
    "nothing": b"",
    "a reset": RESET,
    "silence": HANG,
    "a header that is none": OK + b"\xff\xfe\x00: x\r\n\r\n{}",
    "endless headers": OK + b"".join(b"X-%d: %s\r\n" % (number, b"y" * 900) for number in range(3000)),
    "one endless header": OK + b"X: " + b"y" * 3_000_000,
    "a body cut short": OK + b"Content-Length: 5000\r\n\r\n" + b'{"data":{"unprocessedRecords":[]}}',
    "a reset in the body": OK + b"Content-Length: 5000\r\n\r\n" + b'{"data":{"unprocessedRecords":[]}}' + RESET,
    "a body that ends too early for its length": OK + b'Content-Length: 10\r\n\r\n{"data":{"unprocessedRecords":[]}}',
    "a length that is none": OK + b"Content-Length: many\r\n\r\n{}",
    "a length below nothing": OK + b"Content-Length: -5\r\n\r\n{}",
    "two lengths": OK + b'Content-Length: 2\r\nContent-Length: 34\r\n\r\n{"data":{"unprocessedRecords":[]}}',
    "a length beyond all measure": OK + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n{}",
    "chunks that are none": OK
    + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n{"data":{"unprocessedRecords":[]}}\r\n0\r\n\r\n',
    "chunks without an end": OK + b'Transfer-Encoding: chunked\r\n\r\n22\r\n{"data":{"unprocessedRecords":[]}}\r\n',
    "a chunk of any length": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
    "an unknown transfer encoding": OK + b"Transfer-Encoding: rot13\r\n\r\n{}",
    "only 100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n" + HANG,
    "100 Continue without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
    "another protocol is offered": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    "a bomb is announced": CLOSING + b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\0",
    "an unknown encoding": CLOSING + b"Content-Encoding: zzz\r\nContent-Length: 2\r\n\r\n{}",
    "a page": CLOSING + b"Content-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
    "a slow drip": DRIP + OK + b'Content-Length: 34\r\n\r\n{"data":{"unprocessedRecords":[]}}',
    "an empty success": CLOSING + b"Content-Length: 0\r\n\r\n",
    "no body by its status": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",
    "a redirect to itself": CLOSING.replace(b"200 OK", b"307 Again")
    + b"Location: /v2/events\r\nContent-Length: 0\r\n\r\n",
}


BY_STATUS_ALONE = {"an empty success", "a page", "an unknown version", "a body that ends too early for its length"}
UNIQUE = {"event-api": "clientEventId", "server-events": "clientUniqueId", "audience": "email"}
SETTINGS = DeliverySettings(http_timeout_s=TIMEOUT_S, retry_first_s=0.001, retry_longest_s=0.001, circuit_failures=0)
PATIENT = structs.replace(SETTINGS, http_timeout_s=2)  # where all kinds are read at once, on a busy machine


@pytest.fixture
def world(redis: Redis, prefix: str) -> World:
    return World(redis, Slot(prefix, "event-api", 0))


@pytest.fixture(params=KINDS)
async def http(request: pytest.FixtureRequest) -> AsyncIterator[HttpTransport]:
    made = HttpTransport(8, request.param)
    yield made
    await made.close()


async def appended(world: World, to: Destination, count: int = EVENTS, account: str = ACCOUNT) -> list[Any]:
    """So many events in one batch, as the API will see them."""
    world.cap_events, world.linger_ms, world.now = count, 0, now_ms()
    entries, shown = [], []
    for number in range(count):
        fields = CASES[to.name].event | {UNIQUE[to.name]: f"{account}-{number}@example.com"}
        one = to.prepare(account, {key: of for key, of in fields.items() if key != "eventTime"}, None, world.now)
        stored = StoredEvent(world.now, one.event_time, one.payload, id=one.header_id).encode()
        entries.append(Entry(account, one.order, one.kind, one.event_time, len(one.payload) + 1, stored))
        shown.append(json.loads(one.payload))
    await world.append(*entries)
    return shown


async def deliver(world: World, server: Garbage, http: HttpTransport, settings: DeliverySettings = SETTINGS) -> Summary:
    """Until nothing is due: what is tried again is due at once."""
    to = DESTINATIONS[server.name]
    credentials = CASES[server.name].credentials()
    target = Target(to, server.url, Keys(dict.fromkeys([ACCOUNT, *map(str, range(99))], credentials)), NoTokens())
    buffer = Buffer(world.redis, world.slot, settings.bounds)
    return await Delivery(buffer, target, http, settings, jitter=lambda: 0.0).run()


async def ledger(world: World) -> dict[str, int]:
    picture = await world.picture()
    check(picture, now_ms())
    return {state: events for state, events in picture.ledger.items() if events}


@pytest.mark.parametrize("kind", GARBAGE)
async def test_garbage_delivers_nothing_and_everything_is_sent_again(
    world: World, http: HttpTransport, kind: str
) -> None:
    async with Garbage("event-api").serving() as server:
        events = await appended(world, DESTINATIONS["event-api"])
        server.give = [GARBAGE[kind]]
        await deliver(world, server, http)
        assert server.given == 1
        assert [one for one in events if one in server.taken] == events
    assert await ledger(world) == {"accepted": EVENTS, "delivered": EVENTS}


@pytest.mark.parametrize("name", ["server-events", "audience"])
async def test_garbage_of_every_kind_at_once(redis: Redis, prefix: str, http: HttpTransport, name: str) -> None:
    """One account for each kind. (`audience` documents no body, so that a success by its status is one.)"""
    world = World(redis, Slot(prefix, name, 0))
    kinds = [kind for kind in GARBAGE if name != "audience" or kind not in BY_STATUS_ALONE]
    async with Garbage(name).serving() as server:
        to, accounts = DESTINATIONS[name], map(str, range(len(kinds)))
        events = [one for account in accounts for one in await appended(world, to, 2, account)]
        ok = b" 201 " if name == "audience" else b" 200 "
        server.give = [GARBAGE[kind].replace(b" 200 ", ok) for kind in kinds]
        await deliver(world, server, http, PATIENT)
        assert server.given == len(kinds)
        assert set(map(str, server.taken)) == set(map(str, events))  # more than once, if this machine is slow
    assert await ledger(world) == {"accepted": len(events), "delivered": len(events)}


async def test_after_the_last_attempt_what_was_answered_with_garbage_is_dead_with_a_reason(
    world: World, http: HttpTransport
) -> None:
    async with Garbage("event-api").serving() as server:
        for number in range(len(GARBAGE)):
            await appended(world, DESTINATIONS["event-api"], 2, f"{number}")
        server.give = list(GARBAGE.values())
        summary = await deliver(world, server, http, structs.replace(PATIENT, max_attempts=1))
        assert server.taken == []
    assert await ledger(world) == {"accepted": 2 * len(GARBAGE), "dead": 2 * len(GARBAGE)}
    statuses = {f"Http{status}" for status in (204, 304, 307)}
    too_large = {"AnswerTooLarge"}  # a length beyond all measure: by libcurl's word; by httpx's it is no length
    assert (
        set(summary.codes) - too_large
        == {"ConnectionBroken", "Timeout", "AnswerEncoded", "UnreadableAnswer"} | statuses
    )


@pytest.mark.parametrize("rest", ["", "<good>", "<good><good>", "HTTP/1.1 20", "\r\n"])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_that_nobody_asked_for_is_not_the_answer_to_the_next_request(
    kind: Kind, rest: str, at_once: bool
) -> None:
    """Two answers on one connection: none but the first is anybody's, also while others wait for the connection."""
    http = HttpTransport(1, kind)
    async with Garbage("event-api").serving() as server:
        server.rest = rest.encode()
        requests = [Request(server.url, {}, b'{"events": [%d]}' % number) for number in range(4)]
        posts = [http.post(request, 5) for request in requests]
        answers = await asyncio.gather(*posts) if at_once else [await post for post in posts]
        assert [getattr(answer, "trace_id", answer) for answer in answers] == ["0", "1", "2", "3"]
        assert server.connections == (4 if rest else 1)
    await http.close()
