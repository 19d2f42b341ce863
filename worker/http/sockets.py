"""Which socket a kept connection is on, so that it can be looked at in the moment before it is used again.

libcurl looks at most once a second, and takes what a server said meanwhile for the answer to the next request.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable

Ends = tuple[str, str, int, int]  # addresses and ports of a connection: theirs and ours, theirs and ours


class Sockets:
    """Those of one process."""

    def __init__(self) -> None:
        self._polls: dict[Ends, tuple[int, select.poll]] = {}
        self._ends: dict[int, Ends] = {}

    def opened(self, descriptors: Iterable[int], ends: Ends) -> None:
        """One of these descriptors is now that of a connection; the others came to nothing."""
        for fd in descriptors:
            if _ports(fd) == ends[2:]:
                self._forget(fd, ends)
                poll = select.poll()
                poll.register(fd, select.POLLIN)
                self._polls[ends], self._ends[fd] = (fd, poll), ends

    def is_quiet(self, ends: Ends) -> bool:
        """Whether the other side has said nothing that was not asked for, and has not closed."""
        found = self._polls.get(ends)
        return found is not None and not found[1].poll(0)

    def _forget(self, fd: int, ends: Ends) -> None:
        """The number was another connection's, or the ends had another number: those are closed."""
        if (before := self._ends.pop(fd, None)) is not None:
            self._polls.pop(before, None)
        if (other := self._polls.pop(ends, None)) is not None:
            self._ends.pop(other[0], None)


def _ports(fd: int) -> tuple[int, int] | None:
    """Theirs and ours, if this is a connection still. The descriptor stays whose it is."""
    try:
        borrowed = socket.socket(fileno=fd)
    except OSError:
        return None
    try:
        return borrowed.getpeername()[1], borrowed.getsockname()[1]
    except (OSError, IndexError):  # closed, or by now another kind of socket
        return None
    finally:
        borrowed.detach()
