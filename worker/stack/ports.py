"""Free ports on the loopback interface, and waiting until a web server answers on one."""

import http.client
import itertools
import random
import socket
import time
from typing import Protocol
from urllib.parse import urlsplit

from worker.stack.errors import StackError, StartError

LOOPBACK = "127.0.0.1"
_POLL_S = 0.05
_ATTEMPT_S = 1.0

# Below the range from which Linux and macOS take the local ports of outgoing connections. In that range a client that
# reconnects to a stopped server can, by chance, connect to itself and so keep the port from the server.
_FIRST, _LAST = 16384, 32767
_candidates = itertools.cycle(random.sample(range(_FIRST, _LAST + 1), _LAST - _FIRST + 1))


class Watched(Protocol):
    """A program whose end can be noticed."""

    @property
    def running(self) -> bool: ...

    def ending(self) -> str: ...


def free_port() -> int:
    """A TCP port that nobody listens on at this moment on 127.0.0.1; the next call gives another one.

    Another program may take it before it is used. Raises StackError if none is free.
    """
    for port in itertools.islice(_candidates, _LAST - _FIRST + 1):
        if is_free(port):
            return port
    raise StackError(f"no free port between {_FIRST} and {_LAST} on {LOOPBACK}")


def is_free(port: int) -> bool:
    """Whether `port` can be bound on 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers do it; without it, connections that ended a moment ago would make a free port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def wait_http(url: str, timeout: float, child: Watched | None = None) -> int:
    """Poll `url` (http only) until it answers with any status, which is returned; `timeout` in seconds.

    Raises StartError when the time is over or when `child`, the program behind it, ended.
    """
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        status = _status(url, max(min(left, _ATTEMPT_S), _POLL_S))
        if child is not None and not child.running:  # checked first: the answer may be another program's
            raise StartError(f"{url} will not answer: {child.ending()}")
        if status is not None:
            return status
        if left <= 0:
            raise StartError(f"{url} did not answer within {timeout:g} s")
        time.sleep(_POLL_S)


def _status(url: str, timeout: float) -> int | None:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        raise StackError(f"cannot wait for {url}: only http:// URLs of local programs are polled")
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
