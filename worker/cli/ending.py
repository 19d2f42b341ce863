"""How a command of `forwarder` ends: its exit status, and a fault as one readable line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from redis.exceptions import OutOfMemoryError, RedisError

from producers.errors import ConfigurationError, ForwarderError
from worker.stack.errors import StackError


def in_one_line(command: Callable[[], object]) -> None:
    """Runs it. A fault is one line on standard error, never a traceback."""
    try:
        _flushed(command)
    except ConfigurationError as error:
        _end(str(error), 2)
    except (ForwarderError, StackError) as error:
        _end(str(error), 1)
    except OutOfMemoryError as error:
        _end(f"Redis is out of memory: {error}", 1)
    except RedisError as error:
        _end(f"Redis does not answer: {error}", 1)
    except BrokenPipeError:
        _drop_output()  # the reader has seen enough
        sys.exit(1)
    except OSError as error:  # as of a full disk
        _drop_output()
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or error}", 1)


def _flushed(command: Callable[[], object]) -> None:
    """Nothing is left to be written, and to fail, when Python ends."""
    try:
        command()
    finally:
        sys.stdout.flush()


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(message: str, status: int) -> None:
    sys.stderr.write(f"forwarder: {message}\n")
    sys.exit(status)
