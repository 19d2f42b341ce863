"""Requests that are given up, transports that are closed, loops and forks: nothing is left, nothing is mixed up."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.http.conftest import Make
from tests.http.server import Peer, answers_all, serving
from tests.http.words import body_of, eventually, said
from worker.http import HttpTransport, Kind
from worker.http.curl_transfer import Transfer


async def _hangs(peer: Peer) -> None:
    await peer.request()
    await peer.closed()


@pytest.fixture
def descriptors() -> int:
    """How many this process has, at the start."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc here")
    return len(os.listdir("/proc/self/fd"))


async def test_a_request_that_is_cancelled_takes_its_connection_with_it(make: Make) -> None:
    async with serving(_hangs) as server:
        http = make(1)
        request = asyncio.create_task(http.post(server.request(b"cancelled"), 30))
        await eventually(lambda: len(server.heard) == 1)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await eventually(lambda: server.open == 0)
        server.behaviour = answers_all
        assert body_of(await http.post(server.request(b"next"), 5)) == b"next"


async def test_requests_that_are_cancelled_in_any_phase_leave_the_others_alone(make: Make) -> None:
    async with serving() as server:
        http = make(4)
        for rounds in range(30):
            requests = [asyncio.create_task(http.post(server.request(b"%d" % of), 10)) for of in range(8)]
            for _ in range(rounds % 10):
                await asyncio.sleep(0)
            for of in (0, 3, 5, 6):
                requests[of].cancel()
            for of, request in enumerate(requests):
                with suppress(asyncio.CancelledError):
                    assert body_of(await request) == b"%d" % of
        assert server.most_open <= 8  # those that are closed here may be open there for a moment


async def test_a_time_out_around_it_is_a_time_out(http: HttpTransport) -> None:
    async with serving(_hangs) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await http.post(server.request(), 30)


async def test_closing_ends_what_is_under_way(kind: Kind) -> None:
    async with serving(_hangs) as server:
        http = HttpTransport(2, kind)
        requests = [asyncio.create_task(http.post(server.request(), 2)) for _ in range(4)]
        await eventually(lambda: len(server.heard) == 2)
        await http.close()
        answers = {said(await request) for request in requests}
        assert answers <= {"ConnectionBroken", "Timeout"}
        await eventually(lambda: server.open == 0)


async def test_closing_twice_or_before_any_request_is_nothing(kind: Kind) -> None:
    http = HttpTransport(2, kind)
    await http.close()
    await http.close()


@pytest.mark.parametrize("ending", ["answered", "cut off", "in time", "cancelled"])
async def test_nothing_holds_a_body_when_its_request_is_over(make: Make, ending: str) -> None:
    """However it ends. It may be large, and is personal data."""

    async def ends(peer: Peer) -> None:
        heard = await peer.request()
        if ending == "answered":
            await peer.answer(heard.body)
        if ending in ("in time", "cancelled"):
            await peer.closed()

    async with serving(ends) as server:
        http, bodies = make(4), [b"person@example.com %d" % number for number in range(8)]
        before = [sys.getrefcount(body) for body in bodies]
        tasks = [asyncio.create_task(http.post(server.request(body), 0.5)) for body in bodies]
        if ending == "cancelled":
            await eventually(lambda: len(server.heard) == 4)
            _ = [task.cancel() for task in tasks]
        await asyncio.wait(tasks)
        del tasks
        await asyncio.sleep(0)
        gc.collect()
        assert [sys.getrefcount(body) for body in bodies] == before


async def test_after_a_peak_no_more_handles_stay_than_can_be_sent_at_once() -> None:
    def handles() -> int:
        gc.collect()
        return sum(isinstance(each, Transfer) for each in gc.get_objects())

    before = handles()
    async with serving() as server:
        http = HttpTransport(2, "curl")
        await asyncio.gather(*(http.post(server.request(), 10) for _ in range(20)))
        assert handles() <= before + 2
        await http.close()
    assert handles() == before


async def test_1000_requests_leave_no_descriptor(make: Make, kind: Kind, descriptors: int) -> None:
    """Fewer by httpx's own transport, which takes a hundred times as long."""

    async def by_turns(peer: Peer) -> None:
        for _ in range(5):
            await peer.answer((await peer.request()).body)

    async with serving(by_turns) as server:
        http = make(8)
        for _ in range(25 if kind == "curl" else 4):
            await asyncio.gather(*(http.post(server.request(), 10) for _ in range(40)))
        assert len(os.listdir("/proc/self/fd")) < descriptors + 2 * 8 + 10
        await http.close()
    await asyncio.sleep(0)
    await eventually(lambda: len(os.listdir("/proc/self/fd")) <= descriptors + 2)


def test_each_loop_has_connections_of_its_own(kind: Kind) -> None:
    """One transport, used by one loop after the other, as when a run ends by an error."""
    http = HttpTransport(2, kind)

    async def once() -> None:
        async with serving() as server:
            assert said(await http.post(server.request(), 5)) == 200

    if kind == "curl":
        asyncio.run(once())
    asyncio.run(once())


def test_a_fork_has_connections_of_its_own(kind: Kind) -> None:
    """Neither sends on the other's, nor closes it when it ends."""
    if kind == "httpx":
        pytest.skip("its connections are of one loop; a worker's process makes its own")
    loop, http = asyncio.new_event_loop(), HttpTransport(2, kind)

    def ends_well(child: int) -> bool:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    async def whole(child: int) -> None:
        assert await loop.run_in_executor(None, ends_well, child)
        assert body_of(await http.post(server.request(b"parent"), 5)) == b"parent"

    serves = serving()
    server = loop.run_until_complete(serves.__aenter__())
    loop.run_until_complete(http.post(server.request(b"parent"), 5))
    if not (child := os.fork()):
        with suppress(BaseException):
            answers = [asyncio.run(http.post(server.request(b"child"), 5)) for _ in range(2)]
            asyncio.run(http.close())
            os._exit(0 if [said(answer) for answer in answers] == [200, 200] else 1)
        os._exit(2)
    loop.run_until_complete(whole(child))
    assert [(heard.body, heard.connection) for heard in server.heard] == [
        *((b"parent", 1), (b"child", 2), (b"child", 3), (b"parent", 1))
    ]
    loop.run_until_complete(http.close())
    loop.run_until_complete(serves.__aexit__(None, None, None))
    loop.close()


async def test_a_connection_that_breaks_while_writing_raises_no_signal(http: HttpTransport) -> None:
    """SIGPIPE would end the process."""
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:

        async def breaks(peer: Peer) -> None:
            await peer.head()
            peer.reset()

        async with serving(breaks) as server:
            assert said(await http.post(server.request(b"x" * 30_000_000), 5)) == "ConnectionBroken"
    finally:
        signal.signal(signal.SIGPIPE, before)
