"""An answer is read to its end, however it is framed, or it is none."""

from __future__ import annotations

import asyncio

import pytest

from producers.destinations.answers import Answer
from tests.http.conftest import Make
from tests.http.server import Behaviour, Peer, serving
from tests.http.words import body_of, said
from worker.http import HttpTransport

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def says(answer: bytes, *, then_closes: bool = False) -> Behaviour:
    async def behaviour(peer: Peer) -> None:
        await peer.request()
        await peer.write(answer)
        if not then_closes:
            while await peer.request():
                await peer.answer(b"next")

    return behaviour


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (CHUNKED + b"3;name=value\r\nabc\r\n0\r\nX-Rokt-Trace-Id: of-the-trailer\r\n\r\n", b"abc"),
        (CHUNKED + b"0\r\n\r\n", b""),
        (OK + b"content-length:3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 100 Continue\r\nX-Rokt-Trace-Id: not-yet\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}", b"{}"),
    ],
)
async def test_an_answer_that_names_its_end_leaves_the_connection_for_the_next(
    make: Make, answer: bytes, body: bytes
) -> None:
    async with serving(says(answer)) as server:
        http = make(1)
        assert await http.post(server.request(), 5) == Answer(200, body, "")
        assert body_of(await http.post(server.request(), 5)) == b"next"
        assert server.connections == 1


async def test_an_answer_without_a_length_ends_with_its_connection(make: Make) -> None:
    async with serving(says(OK + b"\r\nall of it", then_closes=True)) as server:
        http = make(1)
        for number in (1, 2):
            assert body_of(await http.post(server.request(), 5)) == b"all of it"
            assert server.connections == number


async def test_a_server_that_closes_is_told_by_its_word(make: Make) -> None:
    async with serving(says(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}", then_closes=True)) as server:
        http = make(1)
        assert [said(await http.post(server.request(), 5)) for _ in range(5)] == [200] * 5
        assert server.connections == 5


async def test_an_answer_in_pieces_is_put_together(http: HttpTransport) -> None:
    async def drips(peer: Peer) -> None:
        await peer.request()
        for byte in OK + b"Content-Length: 2\r\nX-Rokt-Trace-Id: t-1\r\n\r\n{}":
            await peer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with serving(drips) as server:
        assert await http.post(server.request(), 5) == Answer(200, b"{}", "t-1")


@pytest.mark.parametrize("size", [100_000, 8_000_000])
async def test_a_large_body_arrives_as_it_is(http: HttpTransport, size: int) -> None:
    """Nobody is asked first whether it may come: few servers say so, and each request would wait for it."""
    body = b"0123456789" * (size // 10)
    async with serving() as server:
        assert body_of(await http.post(server.request(body), 20)) == body
        assert server.heard[0].body == body
        assert "expect" not in server.heard[0].fields


async def test_an_answer_that_comes_before_the_body_was_read_is_an_answer(http: HttpTransport) -> None:
    """A server that refuses a body for its size need not read it."""

    async def refuses(peer: Peer) -> None:
        await peer.head()
        await peer.answer(b"too large", "413 Content Too Large", "Connection: close\r\n")
        await peer.closed()

    async with serving(refuses) as server:
        answer = await http.post(server.request(b"x" * 8_000_000), 10)
        assert answer == Answer(413, b"too large", "")
        assert said(await http.post(server.request(b"x"), 5)) == 413
        assert server.connections == 2


@pytest.mark.parametrize(
    "head", [b"Content-Length: 40000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"], ids=str
)
async def test_an_endless_answer_is_given_up(http: HttpTransport, head: bytes) -> None:
    """It must not fill a worker's memory."""
    most = [0]

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.write(OK + head)
        piece = b"x" * 1_000_000
        for _ in range(80):
            await peer.write(b"f4240\r\n%b\r\n" % piece if b"chunked" in head else piece)
            most[0] += 1

    async with serving(endless) as server:
        assert said(await http.post(server.request(), 20)) == "AnswerTooLarge"
        assert most[0] < 60
        assert said(await http.post(server.request(), 20)) == "AnswerTooLarge"
        assert server.connections == 2


async def test_an_answer_of_the_largest_size_is_taken(http: HttpTransport) -> None:
    async with serving(says(OK + b"Content-Length: 31000000\r\n\r\n" + b"x" * 31_000_000)) as server:
        assert len(body_of(await http.post(server.request(), 20))) == 31_000_000


@pytest.mark.parametrize("status", [201, 204, 301, 302, 304, 307, 308, 400, 401, 404, 407, 417, 429, 500, 503])
async def test_any_status_is_an_answer_and_no_redirect_is_followed(http: HttpTransport, status: int) -> None:
    """Following one would carry credentials and events to another host; nor is anything sent again for a challenge."""
    fields = "Location: /elsewhere\r\nWWW-Authenticate: Basic\r\nRetry-After: 7\r\n"

    async def answers(peer: Peer) -> None:
        while await peer.request():
            length = "" if status in (204, 304) else "Content-Length: 0\r\n"
            await peer.write(f"HTTP/1.1 {status} So\r\n{length}{fields}\r\n".encode())

    async with serving(answers) as server:
        assert await http.post(server.request(), 5) == Answer(status, b"", "", "7")
        assert [heard.target for heard in server.heard] == ["/v2/events"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "zzz", "GZIP", "identity, gzip"])
async def test_an_answer_in_an_encoding_that_was_not_asked_for_is_none(http: HttpTransport, encoding: str) -> None:
    """A small one may unpack to any size, in one step that no time-out can end."""
    answer = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 10\r\n\r\n"
    async with serving(says(answer.encode() + b"\x1f\x8b\x08\0\0\0\0\0\0\0")) as server:
        assert said(await http.post(server.request(), 5)) == "AnswerEncoded"
        assert server.heard[0].fields["accept-encoding"] == "identity"


@pytest.mark.parametrize("digits", ["2000", "20", "2OO", "-200", "099"])
async def test_a_status_that_is_none_is_no_answer(http: HttpTransport, digits: str) -> None:
    answer = f"HTTP/1.1 {digits} OK\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    async with serving(says(answer, then_closes=True)) as server:
        assert said(await http.post(server.request(), 5)) == "ConnectionBroken"


async def test_what_an_answer_wants_remembered_is_forgotten(http: HttpTransport) -> None:
    """One transport serves all accounts: a cookie of one must not travel with another's events."""
    answer = OK + b'Set-Cookie: a=1\r\nAlt-Svc: h2=":443"\r\nStrict-Transport-Security: max-age=9\r\nContent-Length: 0'
    async with serving(says(answer + b"\r\n\r\n")) as server:
        await http.post(server.request(), 5)
        await http.post(server.request(), 5)
        assert "cookie" not in server.heard[1].fields


async def test_trace_and_retry_after_are_cut_to_what_is_worth_keeping(http: HttpTransport) -> None:
    fields = b"x-rokt-trace-id: " + b"t" * 500 + b"\r\nretry-after: " + b"9" * 500 + b"\r\nContent-Length: 0\r\n\r\n"
    async with serving(says(OK + fields)) as server:
        assert await http.post(server.request(), 5) == Answer(200, b"", "t" * 128, "9" * 64)


EARLY = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\n",
        OK + b"Conte",
        OK + b"Content-Length: 20\r\n",
        b"HTTP/1.1 429 Too Many\r\nRetry-Af",
        EARLY,
        EARLY + OK + b"Conte",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_a_head_that_is_cut_off_or_of_no_final_answer_is_none(make: Make, head: bytes) -> None:
    """Else what nobody answered would pass for delivered."""
    async with serving(says(head, then_closes=True)) as server:
        assert said(await make(1).post(server.request(), 5)) == "ConnectionBroken"
        assert len(server.heard) == 1
