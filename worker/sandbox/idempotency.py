"""`Idempotency-Key`, of older editions of the Event API: "has been seen before". The current document is silent."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

KEPT = timedelta(hours=3)
"""Older editions: keys may be forgotten after three hours."""

_UUID_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)


def is_key(text: str) -> bool:
    """Whether it is a UUID of version 4."""
    return _UUID_4.fullmatch(text) is not None


class IdempotencyKeys:
    """The keys of requests that were taken in, each account's for itself."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._seen: dict[tuple[str, str], datetime] = {}

    def add(self, account: str, key: str, now: datetime) -> None:
        """Note a key as seen, and forget those that are too old."""
        self._seen.pop((account, key.lower()), None)  # so that the oldest stand first
        self._seen[account, key.lower()] = now
        for oldest, seen in list(self._seen.items()):
            if now - seen <= KEPT:
                break
            del self._seen[oldest]

    def seen(self, account: str, key: str, now: datetime) -> bool:
        seen = self._seen.get((account, key.lower()))
        return seen is not None and now - seen <= KEPT
