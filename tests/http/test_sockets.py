"""What is known of the sockets of kept connections stays true when their descriptors become others'."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from worker.http.sockets import Ends, Sockets


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Two connections, both ends of each."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        found = []
        for _ in range(2):
            ours = stack.enter_context(socket.create_connection(listening.getsockname()))
            found.append((ours, stack.enter_context(listening.accept()[0])))
        yield found


def ends_of(ours: socket.socket) -> Ends:
    (there, theirs), (here, mine) = ours.getpeername(), ours.getsockname()
    return there, here, theirs, mine


def test_a_connection_is_quiet_until_the_other_side_says_something(
    pairs: list[tuple[socket.socket, socket.socket]],
) -> None:
    sockets, (ours, theirs) = Sockets(), pairs[0]
    assert not sockets.is_quiet(ends_of(ours))  # nobody knows of it
    sockets.opened([ours.fileno()], ends_of(ours))
    assert sockets.is_quiet(ends_of(ours))
    theirs.sendall(b"x")
    assert not sockets.is_quiet(ends_of(ours))


def test_a_number_that_was_a_connections_before_takes_nothing_from_it_when_it_has_another(
    pairs: list[tuple[socket.socket, socket.socket]],
) -> None:
    sockets, (first, second) = Sockets(), (pairs[0][0], pairs[1][0])
    number, ends = first.fileno(), ends_of(first)
    sockets.opened([number], ends)
    moved = os.dup(number)
    sockets.opened([moved], ends)
    os.dup2(second.fileno(), number)
    sockets.opened([number], ends_of(second))
    assert sockets.is_quiet(ends)
    assert sockets.is_quiet(ends_of(second))
    os.close(moved)


def test_what_is_no_connection_any_more_is_passed_over_and_stays_whose_it_is(
    pairs: list[tuple[socket.socket, socket.socket]],
) -> None:
    """It may be a file by now, or a socket of another kind."""
    one, other = socket.socketpair(socket.AF_UNIX)
    sockets, ours = Sockets(), pairs[0][0]
    with Path(__file__).open("rb") as file, one, other:
        before = os.dup(0)
        os.close(before)
        sockets.opened([file.fileno(), one.fileno(), 10_000, ours.fileno()], ends_of(ours))
        after = os.dup(0)
        os.close(after)
        assert after == before  # else a descriptor was left open
        assert file.read(3) == b'"""'
        one.sendall(b"x")
        assert other.recv(1) == b"x"
    assert sockets.is_quiet(ends_of(ours))
