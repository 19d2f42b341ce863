"""What a request costs by each transport: `python -m tests.benchmarks.http [--requests 4000]`.

A sink of its own process, no bottleneck, answers at once or after 50 ms; CPU (user and system) is that of the sending
process alone, the sink's is another's. The transports take turns; the table is of the medians.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from producers.destinations.answers import Answer, Request
from tests.redis.certificates import Authority
from worker.http import KINDS, HttpTransport, Kind

BODY = b'{"events":[' + b"x" * 2_400 + b"]}"  # four events of 600 bytes
SAID = b'{"data":{"unprocessedRecords":[]}}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Rokt-Trace-Id: 0123456789abcdef\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(SAID), SAID)
)
FEW = 20  # httpx's own transport takes many times as long; with 256 at once it does not end at all


class Sink(asyncio.Protocol):
    """Answers each request; looks for nothing but its end."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, end, rest = self._came.partition(b"\r\n\r\n")
        if end and len(rest) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            self._came = b""
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, ANSWER)
            else:
                self._transport.write(ANSWER)


class Run(NamedTuple):
    """One measurement: requests a second, and microseconds of CPU a request."""

    rate: float
    cpu_us: float


def serve(delay_s: float, tls: tuple[Path, Path] | None, told: Connection) -> None:
    async def forever() -> None:
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Sink(delay_s), "127.0.0.1", 0, ssl=context, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


@contextmanager
def sink(delay_s: float, tls: tuple[Path, Path] | None) -> Iterator[str]:
    """Its URL."""
    ours, theirs = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=serve, args=(delay_s, tls, theirs), daemon=True)
    process.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


async def measured(kind: Kind, url: str, at_once: int, requests: int) -> Run:
    """Connections are there before it is measured."""
    http, left = HttpTransport(at_once, kind), 0

    async def sends() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            headers = {"Authorization": "Basic c2VjcmV0OnNlY3JldA==", "Content-Type": "application/json"}
            answer = await http.post(Request(f"{url}/v2/events", headers, BODY), 60)
            assert isinstance(answer, Answer), answer

    async def all_of(count: int) -> None:
        nonlocal left
        left = count
        await asyncio.gather(*(sends() for _ in range(at_once)))

    await all_of(at_once)
    began, used = time.perf_counter(), time.process_time()
    await all_of(requests)
    ran = Run(requests / (time.perf_counter() - began), (time.process_time() - used) * 1e6 / requests)
    await http.close()
    return ran


def compare(delay_s: float, tls: tuple[Path, Path] | None, requests: int, rounds: int) -> None:
    with sink(delay_s, tls) as url:
        for at_once in (64, 256):
            runs: dict[Kind, list[Run]] = {kind: [] for kind in KINDS if kind != "httpx" or at_once == 64}
            for _ in range(rounds):
                for kind in runs:
                    few = max(at_once, requests // FEW) if kind == "httpx" else requests
                    runs[kind].append(asyncio.run(measured(kind, url, at_once, few)))
            for kind, of in runs.items():
                rate, cpu = (statistics.median(column) for column in zip(*of, strict=True))
                where = f"{'TLS' if tls else 'plain'} {delay_s * 1000:3.0f} ms, {at_once:3} at once"
                print(f"{where} | {kind:5} | {rate:7,.0f} requests/s | {cpu:7,.0f} us CPU a request", flush=True)  # noqa: T201


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--requests", type=int, default=4_000)
    told.add_argument("--rounds", type=int, default=3)
    asked = told.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        os.environ["SSL_CERT_FILE"] = str(authority.ca)
        for tls in (None, authority.signed("sink")):
            for delay_s in (0.0, 0.05):
                compare(delay_s, tls, asked.requests, asked.rounds)


if __name__ == "__main__":
    main()
