"""A server on a real socket that does as a test says, byte by byte, and knows what it heard."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from producers.destinations.answers import Request


class Heard(NamedTuple):
    """One request. `connection`: the number of the one that it came on, from 1."""

    method: str
    target: str
    fields: dict[str, str]
    body: bytes
    connection: int


class Peer:
    """One connection."""

    def __init__(self, server: Server, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number, self.reader, self.writer = number, reader, writer
        self._server = server

    async def head(self) -> Heard:
        """The head of a request alone."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        return Heard(method, target, fields, b"", self.number)

    async def request(self) -> Heard:
        """A whole request; it is then one of those that the server heard."""
        head = await self.head()
        body = await self.reader.readexactly(int(head.fields.get("content-length", 0)))
        self._server.heard.append(head._replace(body=body))
        return self._server.heard[-1]

    async def answer(self, body: bytes = b"{}", status: str = "200 OK", fields: str = "") -> None:
        await self.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body)

    async def write(self, text: bytes) -> None:
        self.writer.write(text)
        await self.writer.drain()

    async def closed(self) -> None:
        """Returns when the other side has closed."""
        with suppress(OSError):
            while await self.reader.read(65_536):
                pass

    def reset(self) -> None:
        self.writer.transport.abort()


Behaviour = Callable[[Peer], Awaitable[None]]


async def answers_all(peer: Peer) -> None:
    while True:
        heard = await peer.request()
        await peer.answer(heard.body)


class Server:
    """`url` ends without a slash. A connection is closed when its behaviour ends."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.url = ""
        self.port = 0
        self.heard: list[Heard] = []
        self.connections = self.open = self.most_open = 0
        self.peers: list[Peer] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def request(self, body: bytes = b"{}", /, **headers: str) -> Request:
        return Request(f"{self.url}/v2/events", {"Authorization": "Basic c2VjcmV0", **headers}, body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        peer = Peer(self, self.connections, reader, writer)
        self.peers.append(peer)
        task = asyncio.create_task(self._behave(peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _behave(self, peer: Peer) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self.behaviour(peer)
        finally:
            self.open -= 1
            peer.writer.close()

    async def end(self) -> None:
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serving(
    behaviour: Behaviour = answers_all, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    server = Server(behaviour)
    listening = await asyncio.start_server(server.serve, host, 0, ssl=tls, backlog=1024, limit=2**20)
    server.port = listening.sockets[0].getsockname()[1]
    name = f"[{host}]" if ":" in host else host
    server.url = f"{'https' if tls else 'http'}://{name}:{server.port}"
    try:
        yield server
    finally:
        listening.close()
        await server.end()
