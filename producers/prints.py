"""What the index of accepted ids knows an event by: prints, from which neither id nor content can be read back."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any
from zlib import crc32

ID_BYTES = 8
BEGUN_KEPT = 256  # accounts and types: a shop has few, and of each the hash begins the same


def print_of_id(account: str, event_type: str, event_id: str) -> bytes:
    """8 bytes. The lengths keep what lies side by side apart."""
    begun = _begun(account, event_type).copy()
    begun.update(event_id.encode())
    digest: bytes = begun.digest()
    return digest


@lru_cache(maxsize=BEGUN_KEPT)
def _begun(account: str, event_type: str) -> Any:
    text = f"{len(account)}:{len(event_type)}:{account}{event_type}"
    return blake2b(text.encode(), digest_size=ID_BYTES)


def print_of_content(said: bytes, order: str, kind: str) -> bytes:
    """4 bytes, over what the caller said. A checksum: one that finds every small difference."""
    beside = crc32(f"{order}\0{kind}".encode()) if order or kind else 0
    return crc32(said, beside).to_bytes(4, "little")
