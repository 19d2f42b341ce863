"""A server that answers with bytes: garbage as long as it is told to, then as the API does. Knows what it took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

GOOD_BODIES: dict[str, Callable[[int], tuple[int, bytes]]] = {
    "event-api": lambda _: (200, b'{"data":{"unprocessedRecords":[]}}'),
    "server-events": lambda events: (200, b'{"processedEventsCount":%d,"unprocessedEvents":[]}' % events),
    "audience": lambda _: (201, b"Created"),
}
RESET = b"<reset>"  # ends an answer: the connection is reset, not closed
HANG = b"<hang>"  # ends an answer: nothing more comes
DRIP = b"<drip>"  # begins an answer: it comes a byte at a time, too slowly for any time-out


def good(name: str, events: Sequence[Any]) -> bytes:
    status, body = GOOD_BODIES[name](len(events))
    head = b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\nX-Rokt-Trace-Id: %.9s\r\n\r\n"
    return head % (status, len(body), json.dumps(events[0]).encode()) + body


def events_in(body: bytes) -> list[Any]:
    """The events of a request, whatever API it is of."""
    told = json.loads(body)
    found = next(told[key] for key in ("events", "emails", "email") if key in told)
    return found if isinstance(found, list) else [found]


class Garbage:
    """`give`: what each request is answered with; without, a good answer, which names the request's first event.

    `rest`: comes after each good answer. `taken`: the events of requests that were answered well.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.url = ""
        self.give: list[bytes] = []
        self.rest = b""
        self.pause_s = 0.0  # between taking a request in and answering it
        self.connections = 0
        self.taken: list[Any] = []
        self.given = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Garbage]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._answered(reader, writer):
                pass
        with suppress(OSError):
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection serves another request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        events = events_in(await reader.readexactly(length))
        if not self.give:
            self.taken += events
            await asyncio.sleep(self.pause_s)
            answer = good(self.name, events)
            writer.write(answer + self.rest.replace(b"<good>", answer))
            await writer.drain()
            return True
        self.given += 1
        await self._garble(self.give.pop(0), reader, writer)
        return False

    @staticmethod
    async def _garble(answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer.startswith(DRIP):
            for byte in answer.removeprefix(DRIP):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
            return
        writer.write(answer.removesuffix(RESET).removesuffix(HANG))
        await writer.drain()
        if answer.endswith(HANG):
            await reader.read()  # until the other side gives up
        if answer.endswith(RESET):
            writer.transport.abort()
