"""What strangers may take of a server: connections, time, memory and log."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from tests.console.support import Console
from worker.web import limits
from worker.web.limits import MOST_CONNECTIONS, MOST_HEADER_BYTES, quieten

HALF = b"GET /login HTTP/1.1\r\nhost: 127.0.0.1\r\n"
BODY = b"POST /login HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\ncontent-type: x\r\n\r\nhalf"


class Strangers:
    """Connections that say something and wait."""

    def __init__(self, url: str) -> None:
        self._address = (urlsplit(url).hostname, urlsplit(url).port)
        self._open: list[socket.socket] = []

    def come(self, said: bytes = b"") -> socket.socket:
        one = socket.create_connection(self._address, timeout=20)
        self._open.append(one)
        if said:
            one.sendall(said)
        return one

    def go(self) -> None:
        for each in self._open:
            each.close()


@pytest.fixture
def strangers(console: Console) -> Iterator[Strangers]:
    them = Strangers(console.url)
    yield them
    them.go()


def is_gone(one: socket.socket) -> bool:
    try:
        return one.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("said", [b"", HALF])
def test_half_open_connections_keep_nobody_out(console: Console, strangers: Strangers, said: bytes) -> None:
    """Those that were waited for longest make room."""
    them = [strangers.come(said) for _ in range(3 * MOST_CONNECTIONS)]
    with console.browser() as client:
        assert client.get("/login").status_code == 200
    assert is_gone(them[0])


@pytest.mark.parametrize("said", [b"", HALF, BODY, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" + HALF])
def test_who_does_not_finish_a_request_is_left_in_time(
    strangers: Strangers, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEADERS_S", 0.2)
    monkeypatch.setattr(limits, "BODY_S", 0.2)
    one = strangers.come(said)
    while not is_gone(one):
        pass


def test_headers_are_bounded(strangers: Strangers) -> None:
    one = strangers.come(HALF)
    try:
        one.sendall(b"x: " + b"a" * 2 * MOST_HEADER_BYTES)
    except ConnectionError:
        return
    assert is_gone(one)


def test_a_connection_lives_on_after_an_answer_and_is_bounded_no_more(console: Console) -> None:
    with closing(HTTPConnection(console.host)) as client:
        sockets = []
        for _ in range(3):
            client.request("GET", "/login")
            assert b"token" in client.getresponse().read()
            sockets.append(client.sock)
        assert [each is sockets[0] for each in sockets] == [True] * 3


async def test_what_cannot_be_accepted_is_told_once_a_minute() -> None:
    loop = asyncio.get_running_loop()
    quieten(loop)
    with capture_logs() as told:
        for _ in range(100):
            loop.call_exception_handler({"message": "full", "exception": OSError(errno.EMFILE, "too many open files")})
    assert [each["error"] for each in told] == ["EMFILE"]
    loop.set_exception_handler(None)
