"""Asks a server that was just started whether it is ours and takes commands."""

import socket
from enum import Enum

from worker.stack.ports import LOOPBACK

_ANSWER_S = 1.0


class Answer(Enum):
    """What a server that was just started says."""

    SILENCE = "no answer, or another server's"
    LOADING = "it reads its data"
    READY = "it takes commands"


def ask(port: int, pid: int) -> Answer:
    """Whether the server on `port` is the process `pid` and takes commands."""
    try:
        with socket.create_connection((LOOPBACK, port), _ANSWER_S) as connection, connection.makefile("rb") as answers:
            connection.sendall(b"INFO server\r\nPING\r\n")  # INFO is answered while loading, PING is not
            info = answers.read(int(answers.readline()[1:]) + 2)
            ping = answers.readline()
    except (OSError, ValueError):
        return Answer.SILENCE
    if f"\r\nprocess_id:{pid}\r\n".encode() not in info:  # somebody else took the port first
        return Answer.SILENCE
    if ping.startswith(b"-LOADING"):
        return Answer.LOADING
    return Answer.READY if ping.startswith(b"+PONG") else Answer.SILENCE
