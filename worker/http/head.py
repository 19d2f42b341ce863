"""The head of an answer, from the lines that libcurl has parted it into."""

from __future__ import annotations

import re
from collections.abc import Iterable

import httpx

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?:[ \r\n]|\Z)")  # libcurl takes the first three of more digits


def read_head(lines: Iterable[bytes]) -> tuple[int, dict[bytes, bytes]]:
    """Status and fields of the answer: not of a `100 Continue` before it, nor the trailers after its body.

    Without the blank line that ends it, it was cut off: libcurl takes that for an answer without a body.
    """
    status, fields = 0, dict[bytes, bytes]()
    for line in lines:
        if not status:
            if not (found := _STATUS.match(line)):
                raise httpx.RemoteProtocolError("a status line that is none")
            status = int(found[1])
        elif line in (b"\r\n", b"\n"):
            if status >= 200:
                return status, fields
            status, fields = 0, {}
        else:
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
    raise httpx.RemoteProtocolError("no head that came to its end, or none of a final answer")
