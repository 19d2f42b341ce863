"""How a command is written to Redis: an array of byte strings. Source: the Redis serialization protocol, RESP 2.

redis-py's own packer looks at every word several times, and hiredis' copies a long command as it grows; here the words
are put together once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Word = str | bytes | int
_WORD = b"$%d\r\n%b\r\n"


class Command(NamedTuple):
    """Words of a command that are written already: how many they are, and their bytes."""

    words: int
    written: bytes

    @classmethod
    def of(cls, words: Sequence[Word]) -> Command:
        return cls(len(words), written(words))

    def after(self, first: Command) -> bytes:
        """The bytes of the command that begins with the words of `first`."""
        return b"*%d\r\n%b%b" % (first.words + self.words, first.written, self.written)


def packed(words: Sequence[Word]) -> bytes:
    """The bytes of one command; texts as UTF-8."""
    return b"*%d\r\n%b" % (len(words), written(words))


def written(words: Iterable[Word]) -> bytes:
    """The bytes of some words of a command."""
    told: list[int | bytes] = []
    for each in words:
        text = each if type(each) is bytes else str(each).encode()
        told += (len(text), text)
    return _WORD * (len(told) // 2) % tuple(told)  # in one go: each word is copied once
