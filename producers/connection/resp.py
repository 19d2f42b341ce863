"""How a command is written to Redis: an array of byte strings. Source: the Redis serialization protocol, RESP 2.

redis-py's own packer looks at every word several times, and hiredis' copies a long command as it grows; here the words
are put together once.
"""

from __future__ import annotations

from collections.abc import Sequence


def packed(words: Sequence[str | bytes | int]) -> bytes:
    """The bytes of one command; texts as UTF-8."""
    parts = [b"*%d" % len(words)]
    for word in words:
        text = word if isinstance(word, bytes) else str(word).encode() if isinstance(word, int) else word.encode()
        parts += (b"\r\n$%d\r\n" % len(text), text)
    parts.append(b"\r\n")
    return b"".join(parts)
