"""Keeps the requests of an account apart on their way from the claim to the wire, where an API limits its rate."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict


class Pacer:
    """The claim spaces requests evenly over the fleet; reading a batch then takes longer for one than for another."""

    def __init__(self, spacing_s: float, *, by_account: bool) -> None:
        self._spacing_s = spacing_s
        self._by_account = by_account
        self._next: dict[str, float] = defaultdict(float)

    async def turn(self, account: str) -> float:
        """Returns when the account's next request may go out. Gives how many seconds that took."""
        if not self._spacing_s:
            return 0.0
        key = account if self._by_account else ""
        now = time.monotonic()
        at = max(now, self._next[key])
        self._next[key] = at + self._spacing_s
        if at > now:
            await asyncio.sleep(at - now)
        return at - now
