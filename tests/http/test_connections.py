"""Connections are kept, shared and bounded; one that is no good serves nobody; no request is sent twice by itself."""

from __future__ import annotations

import asyncio

import pytest

from tests.http.conftest import Make
from tests.http.server import Peer, answers_all, serving
from tests.http.words import body_of, eventually, said
from worker.http import HttpTransport, Kind
from worker.http.curl import CurlTransport


async def test_requests_one_after_the_other_share_a_connection(http: HttpTransport) -> None:
    async with serving() as server:
        for number in range(5):
            assert body_of(await http.post(server.request(b"%d" % number), 5)) == b"%d" % number
        assert server.connections == 1


async def test_256_at_once_have_a_connection_each_and_use_them_again(make: Make, kind: Kind) -> None:
    """httpx's own transport looks through all of them for each: with 256 it takes longer than any time-out."""
    count = 32 if kind == "httpx" else 256
    async with serving(_Together(count)) as server:
        http = make(count)
        for _ in range(3):
            bodies = [b"%d" % number for number in range(count)]
            answers = await asyncio.gather(*(http.post(server.request(body), 30) for body in bodies))
            assert [body_of(answer) for answer in answers] == bodies
        assert server.connections == count
        assert len(server.heard) == 3 * count


async def test_above_the_most_connections_requests_wait_for_one(make: Make) -> None:
    async with serving() as server:
        http = make(3)
        answers = await asyncio.gather(*(http.post(server.request(b"%d" % number), 10) for number in range(60)))
        assert [body_of(answer) for answer in answers] == [b"%d" % number for number in range(60)]
        assert server.most_open <= 3
        assert len(server.heard) == 60


async def test_waiting_for_a_connection_is_a_part_of_the_time_out(make: Make) -> None:
    async with serving(_hangs) as server:
        http = make(1)
        first = asyncio.create_task(http.post(server.request(), 5))
        await eventually(lambda: len(server.heard) == 1)
        assert said(await http.post(server.request(), 0.2)) == "Timeout"
        server.peers[0].reset()
        assert said(await first) == "ConnectionBroken"
        assert len(server.heard) == 1


async def test_who_names_no_time_has_all_of_it_on_a_second_connection_too() -> None:
    async def slowly_once(peer: Peer) -> None:
        heard = await peer.request()
        await asyncio.sleep(0.05)
        await peer.answer(heard.body)

    async with serving(slowly_once) as server:
        over = CurlTransport(1)
        for number in range(1, 4):
            heard = await over.send(server.request(b"x"), 0)
            assert (heard.status, server.connections) == (200, number)
            await eventually(lambda: server.open == 0)
        await over.aclose()


async def test_an_idle_connection_that_the_server_closed_is_not_used_any_more(http: HttpTransport) -> None:
    async def once(peer: Peer) -> None:
        await peer.answer((await peer.request()).body)

    async with serving(once) as server:
        for number in range(5):
            assert said(await http.post(server.request(b"%d" % number), 5)) == 200
            await eventually(lambda: server.open == 0)
            await asyncio.sleep(0)  # so that its end is on its way
        assert [heard.connection for heard in server.heard] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("ending", ["closes", "resets", "closes its half"])
async def test_a_request_that_a_kept_connection_may_have_taken_in_is_not_sent_again(make: Make, ending: str) -> None:
    """The server took it in and ended without an answer, as a keep-alive connection may. The retry is ours."""

    async def second_is_taken(peer: Peer) -> None:
        await peer.answer((await peer.request()).body)
        await peer.request()
        if ending == "resets":
            peer.reset()
        elif ending == "closes its half":
            peer.writer.write_eof()
            await peer.closed()

    async with serving(second_is_taken) as server:
        http = make(1)
        assert said(await http.post(server.request(b"first"), 5)) == 200
        assert said(await http.post(server.request(b"second"), 5)) == "ConnectionBroken"
        assert [heard.body for heard in server.heard] == [b"first", b"second"]
        assert server.connections == 1
        assert said(await http.post(server.request(b"third"), 5)) == 200


@pytest.mark.parametrize("size", [2, 200_000])
async def test_a_request_whose_head_alone_was_read_is_not_sent_again(make: Make, size: int) -> None:
    """Whether the rest was taken in cannot be known on this side."""
    heads = []

    async def second_head(peer: Peer) -> None:
        await peer.answer((await peer.request()).body)
        heads.append(await peer.head())
        peer.reset()

    async with serving(second_head) as server:
        http = make(1)
        await http.post(server.request(b"first"), 5)
        assert said(await http.post(server.request(b"x" * size), 5)) == "ConnectionBroken"
        assert len(heads) == 1
        assert server.connections == 1


async def test_a_request_on_a_new_connection_is_not_sent_again_either(http: HttpTransport) -> None:
    async def takes(peer: Peer) -> None:
        await peer.request()

    async with serving(takes) as server:
        assert said(await http.post(server.request(), 5)) == "ConnectionBroken"
        assert len(server.heard) == server.connections == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_no_method_is_sent_again(make: Make, method: str) -> None:
    async def second_is_taken(peer: Peer) -> None:
        await peer.answer((await peer.request()).body)
        await peer.request()

    async with serving(second_is_taken) as server:
        http = make(1)
        request = server.request(b"")._replace(method=method)
        assert said(await http.post(request, 5)) == 200
        assert said(await http.post(request, 5)) == "ConnectionBroken"
        assert [heard.method for heard in server.heard] == [method, method]


@pytest.mark.parametrize("rest", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", b"wrong", b"\r\n"])
async def test_what_comes_later_on_an_idle_connection_is_no_answer(make: Make, rest: bytes) -> None:
    more = asyncio.Event()

    async def says_more(peer: Peer) -> None:
        await peer.answer((await peer.request()).body)
        await more.wait()
        await peer.write(rest)
        await answers_all(peer)

    async with serving(says_more) as server:
        http = make(1)
        await http.post(server.request(b"1"), 5)
        more.set()
        await eventually(lambda: not server.peers[0].writer.transport.get_write_buffer_size())
        await asyncio.sleep(0.05)  # for the kernel: nobody is told when the bytes are there
        assert body_of(await http.post(server.request(b"2"), 5)) == b"2"
        assert server.connections == 2


async def test_connections_are_not_shared_between_hosts(make: Make) -> None:
    async with serving() as one, serving() as other:
        http = make(2)
        for number in range(3):
            for server in (one, other):
                assert body_of(await http.post(server.request(b"%d" % number), 5)) == b"%d" % number
        assert [one.connections, other.connections] == [1, 1]
        assert len(one.heard) == len(other.heard) == 3


async def test_idle_connections_to_one_host_do_not_keep_others_from_another(make: Make) -> None:
    async with serving() as one, serving() as other:
        http = make(1)
        for server in (one, other, one):
            assert said(await http.post(server.request(), 5)) == 200


async def _hangs(peer: Peer) -> None:
    await peer.request()
    await peer.closed()


class _Together:
    """Answers when so many are there."""

    def __init__(self, count: int) -> None:
        self._barrier = asyncio.Barrier(count)

    async def __call__(self, peer: Peer) -> None:
        while True:
            heard = await peer.request()
            await self._barrier.wait()
            await peer.answer(heard.body)
