"""Which socket a kept connection is on, so that it can be looked at in the moment before it is used again.

libcurl looks at most once a second, and takes what a server said meanwhile for the answer to the next request.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterable

Ends = tuple[str, str, int, int]  # addresses and ports of a connection: theirs and ours, theirs and ours


class Sockets:
    """Those of one process."""

    def __init__(self) -> None:
        self._polls: dict[Ends, select.poll] = {}
        self._ends: dict[int, Ends] = {}

    def opened(self, descriptors: Iterable[int], ends: Ends) -> None:
        """One of these descriptors is now that of a connection; the others came to nothing."""
        for fd in descriptors:
            if _ports(fd) == ends[2:]:
                if (before := self._ends.pop(fd, None)) is not None:
                    self._polls.pop(before, None)  # the number was another connection's, which is closed
                poll = select.poll()
                poll.register(fd, select.POLLIN)
                self._polls[ends], self._ends[fd] = poll, ends

    def is_quiet(self, ends: Ends) -> bool:
        """Whether the other side has said nothing that was not asked for, and has not closed."""
        poll = self._polls.get(ends)
        return poll is not None and not poll.poll(0)


def _ports(fd: int) -> tuple[int, int] | None:
    """Theirs and ours, if this is a connection still."""
    try:
        with socket.socket(fileno=os.dup(fd)) as double:
            return double.getpeername()[1], double.getsockname()[1]
    except OSError:
        return None
