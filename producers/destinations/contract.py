"""What every destination tells a producer. A leaf: it imports nothing of the destinations themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from producers.clock import Window


class Prepared(NamedTuple):
    """A checked event, ready to be stored. `event_time` in milliseconds; `payload` is its exact text in the request.

    `header_id`: the id again, where the payload does not hold it.
    """

    id: str
    event_time: int
    payload: bytes
    order: str = ""
    kind: str = ""
    header_id: str = ""


class Destination(NamedTuple):
    """The contract side of one Rokt API.

    `max_events` and `max_bytes` are the caps of one request. `envelope_bytes` is what a request for an account holds
    around its events. `ordered` says whether events of one order key leave in the order they came.
    `prepare(account, event, id, now)` checks one event and raises `InvalidEvent` with every fault.
    """

    name: str
    max_events: int
    max_bytes: int
    ordered: bool
    window: Window
    envelope_bytes: Callable[[str], int]
    prepare: Callable[[str, Any, str | None, int], Prepared]
