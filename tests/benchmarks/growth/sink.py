"""Takes every request at once and notes when it came: nothing that could be waited for. In a thread of this process."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_ID = re.compile(rb'"clientEventId":"([^"]+)"')
_BODY = b'{"data":{"unprocessedRecords":[]}}'
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class Sink:
    """`arrived`: when (monotonic seconds) each request came, and the ids in it, in order."""

    def __init__(self) -> None:
        self.arrived: list[tuple[float, list[str]]] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._ready = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        """Until `stop`."""
        self._loop.run_until_complete(self._serve())

    def wait_ready(self) -> None:
        assert self._ready.wait(10), "the sink does not start"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                self.arrived.append((time.monotonic(), [each.decode() for each in _ID.findall(body)]))
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@contextmanager
def sink() -> Iterator[Sink]:
    serving = Sink()
    thread = threading.Thread(target=serving.serve, name="sink")
    thread.start()
    try:
        serving.wait_ready()
        yield serving
    finally:
        serving.stop()
        thread.join()
