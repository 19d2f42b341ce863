"""How a command is written to Redis: an array of byte strings. Source: the Redis serialization protocol, RESP 2.

redis-py's own packer looks at every word several times, and there is one command for each event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def _in_python(words: tuple[Any, ...]) -> bytes:
    texts = [word if isinstance(word, bytes) else word.encode() for word in words]
    return b"*%d\r\n%b" % (len(texts), b"".join([b"$%d\r\n%b\r\n" % (len(text), text) for text in texts]))


_packed: Callable[[tuple[Any, ...]], bytes]
try:
    from hiredis import pack_command as _packed
except ImportError:  # it comes with the worker, not with a shop
    _packed = _in_python


def packed(words: Sequence[str | bytes | int]) -> bytes:
    """The bytes of one command; texts as UTF-8. (hiredis may crash over an int if a signal handler raises then.)"""
    return _packed(tuple([str(word) if isinstance(word, int) else word for word in words]))
