"""An answer as it came, and what brings one. What it means to us is `HttpTransport`'s to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from producers.destinations.answers import Request


class Heard(NamedTuple):
    """A whole answer. `fields` by their names in small letters; of those that came twice, the last."""

    status: int
    fields: Mapping[bytes, bytes]
    body: bytes


class Way(Protocol):
    """Connections of one process and loop. Raises httpx's errors, by whatever it sends."""

    async def send(self, request: Request, within_s: float) -> Heard:
        """`within_s`: seconds for the whole request, waiting for a connection included; 0: as long as it takes."""

    async def aclose(self) -> None: ...
