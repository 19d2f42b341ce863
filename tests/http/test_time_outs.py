"""`timeout_s` is for the whole request, in whatever phase it stops."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from producers.destinations.answers import NoAnswer, Request
from tests.http.server import Behaviour, Peer, answers_all, serving
from tests.http.words import said
from worker.http import HttpTransport

SHORT_S = 0.2
OK = b"HTTP/1.1 200 OK\r\n"


async def _says_nothing(peer: Peer) -> None:
    await peer.request()
    await peer.closed()


async def _reads_nothing(_: Peer) -> None:
    """Beyond what the kernel and the stream take."""
    await asyncio.Event().wait()


def _says(text: bytes) -> Behaviour:
    async def behaviour(peer: Peer) -> None:
        await peer.request()
        await peer.write(text)
        await peer.closed()

    return behaviour


async def _drips(peer: Peer) -> None:
    await peer.request()
    await peer.write(OK + b"Content-Length: 10000\r\n\r\n")
    while True:
        await peer.write(b"x")
        await asyncio.sleep(0.02)


STOPS: dict[str, tuple[Behaviour, int]] = {
    "no answer": (_says_nothing, 2),
    "a body that cannot be sent": (_reads_nothing, 30_000_000),
    "half a head": (_says(OK), 2),
    "half a body": (_says(OK + b"Content-Length: 9\r\n\r\nhalf"), 2),
    "half a chunk": (_says(OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"), 2),
    "a body by drips": (_drips, 2),
    "100 Continue alone": (_says(b"HTTP/1.1 100 Continue\r\n\r\n"), 2),
}


@pytest.mark.parametrize("stop", STOPS)
async def test_a_request_that_stops_is_given_up_and_its_connection_with_it(http: HttpTransport, stop: str) -> None:
    behaviour, size = STOPS[stop]
    async with serving(behaviour) as server:
        began = time.monotonic()
        answer = await http.post(server.request(b"x" * size), SHORT_S)
        assert answer == NoAnswer("Timeout", "no answer within 0.2 s")
        assert SHORT_S * 0.9 < time.monotonic() - began < 5
        server.behaviour = answers_all
        assert said(await http.post(server.request(), 10)) == 200
        assert server.connections == 2


async def test_a_connection_that_is_not_taken_is_given_up(http: HttpTransport) -> None:
    """The queue of this listener is full: the kernel answers nobody any more."""
    full: list[socket.socket] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            full.append(socket.socket())
            full[-1].setblocking(False)
            full[-1].connect_ex(listener.getsockname())
        answer = await http.post(Request(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, b""), SHORT_S)
        assert said(answer) == "Timeout"
    for each in full:
        each.close()


async def test_a_handshake_that_is_not_answered_is_given_up(http: HttpTransport) -> None:
    async with serving(_closes_when_asked) as server:
        request = Request(server.url.replace("http:", "https:"), {}, b"")
        assert said(await http.post(request, SHORT_S)) == "Timeout"


async def test_time_is_counted_for_each_request_anew(http: HttpTransport) -> None:
    """The last one's is over, or longer, on the same connection."""
    async with serving() as server:
        for timeout_s in (5, 0.3, 60, 0.3):
            assert said(await http.post(server.request(), timeout_s)) == 200
        await asyncio.sleep(0.35)
        assert said(await http.post(server.request(), 0.3)) == 200


async def test_a_request_ends_in_time_while_others_are_answered(http: HttpTransport) -> None:
    async def by_body(peer: Peer) -> None:
        while (heard := await peer.request()).body != b"hang":
            await peer.answer(heard.body)
        await peer.closed()

    async with serving(by_body) as server:
        hanging = asyncio.create_task(http.post(server.request(b"hang"), 0.5))
        while not hanging.done():
            assert said(await http.post(server.request(b"go"), 5)) == 200
        assert said(await hanging) == "Timeout"


async def _closes_when_asked(peer: Peer) -> None:
    await peer.closed()
