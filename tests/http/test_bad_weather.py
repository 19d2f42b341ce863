"""Many requests at once, to a server that ends connections in every way: none hears another's answer."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from types import MappingProxyType
from typing import Any

import pytest

from producers.destinations.answers import Answer, Request
from tests.http.words import eventually
from worker.http.transport import HttpTransport

REQUESTS, AT_ONCE, UNDER_WAY = 1_000, 150, 60
ID_BYTES = 12
ACCOUNTS = [MappingProxyType({"account": str(number)}) for number in range(8)]


class Weather:
    """A server; how often each request came to it."""

    def __init__(self) -> None:
        self.dice = Random(5)
        self.came: Counter[bytes] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._answered(reader, writer):
                pass
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays."""
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        body = await reader.readexactly(int(length.partition(b":")[2]))
        self.came[body[:ID_BYTES]] += 1
        kind = self.dice.random()
        if kind < 0.04:
            writer.transport.abort()
            return False
        if kind < 0.08:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
            return False
        if kind < 0.12:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        if kind > 0.96:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray")
        return kind < 0.92


@asynccontextmanager
async def bad_weather() -> AsyncIterator[tuple[Weather, str]]:
    weather = Weather()
    server = await asyncio.start_server(weather.serve, "127.0.0.1", 0, backlog=1_000)
    async with server:
        yield weather, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="it counts descriptors as Linux shows them")
async def test_each_hears_its_own_answer_none_is_sent_twice_and_all_descriptors_are_given_back() -> None:
    surprises: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: surprises.append(told))
    before, heard = descriptors(), Counter[str]()
    http, gate, dice = HttpTransport(AT_ONCE), asyncio.Semaphore(AT_ONCE), Random(6)

    async def one(number: int, url: str) -> None:
        body = b"%0*d" % (ID_BYTES, number) + b"x" * dice.choice((10, 3_000, 200_000))
        where = "http://127.0.0.1:1/" if dice.random() < 0.02 else url
        async with gate:
            sending = http.post(Request(where, ACCOUNTS[number % len(ACCOUNTS)], body), 5)
            try:
                answer = await (asyncio.wait_for(sending, 0.001) if dice.random() < 0.03 else sending)
            except TimeoutError:
                heard["cancelled"] += 1
                return
        heard["answers" if isinstance(answer, Answer) else "no answers"] += 1
        assert not isinstance(answer, Answer) or answer.body == body

    async with bad_weather() as (weather, url):
        await asyncio.gather(*(one(number, url) for number in range(REQUESTS)))
        assert heard.total() == REQUESTS
        assert min(heard["answers"] - 700, heard["no answers"] - 20, heard["cancelled"]) > 0, heard
        assert max(weather.came.values()) == 1
        requests = [Request(url, ACCOUNTS[0], b"%0*d" % (ID_BYTES, REQUESTS + number)) for number in range(UNDER_WAY)]
        late = [asyncio.ensure_future(http.post(each, 5)) for each in requests]
        await asyncio.sleep(0)
        await http.close()
        await asyncio.gather(*late, return_exceptions=True)
    assert not surprises
    await eventually(lambda: descriptors() <= before)
