"""What comes from the client while a request is handled: its body, and that it has gone."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive


class BodyTooLong(ValueError):
    """The body has more bytes than allowed; what is left of it was not read."""


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Read a body; raises `BodyTooLong`, or `ClientDisconnect` if the client goes away first."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > max_bytes:
            raise BodyTooLong
        if not message.get("more_body", False):
            return bytes(body)


async def gone(receive: Receive) -> None:
    """Return when the client has gone; for requests that were read to their end."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def gone_within(receive: Receive, seconds: float) -> bool:
    """Wait so many seconds, or less if the client goes away: then True."""
    try:
        await asyncio.wait_for(gone(receive), seconds)
    except TimeoutError:
        return False
    return True


async def first_of(receive: Receive, signal: asyncio.Future[Any], seconds: float) -> bool:
    """Wait for a signal; False if the time is over or the client has gone before it came."""
    leaving = asyncio.ensure_future(gone(receive))
    try:
        await asyncio.wait({leaving, signal}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return signal.done()
    finally:  # a done future ignores it
        leaving.cancel()
        signal.cancel()
