"""What comes back from a request, before anybody says what it means. A leaf: pure data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Request(NamedTuple):
    """One request. `headers` hold credentials: never log them."""

    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "POST"


class Answer(NamedTuple):
    """An HTTP answer that was read to its end."""

    status: int
    body: bytes
    trace_id: str = ""
    retry_after: str = ""


class NoAnswer(NamedTuple):
    """No answer: `code` is one of the words of the transport. The request may have been taken in all the same."""

    code: str
    message: str
