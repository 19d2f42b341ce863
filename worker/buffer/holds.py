"""What keeps accounts, or a whole slot, from being claimed until somebody says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from redis.asyncio import Redis

from producers.keys import Slot
from worker.buffer.calls import Call, run_one

PAGE = 500
EVERYTHING = ""  # in place of an account
What = Literal["parked", "paused", "both"]
HOLD_FIELDS = ("parked", "paused", "hold_until", "hold_reason")  # of an account's hash


class Hold(NamedTuple):
    """`kind`: parked, paused or limited. `until` in ms; None for what lasts until it is resumed."""

    kind: str
    reason: str
    until: int | None = None

    def ends_in_s(self, now: int) -> float | None:
        return None if self.until is None else round((self.until - now) / 1000, 1)


def holds_in(fields: Sequence[bytes | None], now: int) -> list[Hold]:
    """What holds an account, from its `HOLD_FIELDS`."""
    parked, paused, until, reason = fields
    lasting = [
        Hold(kind, _text(why) or "") for kind, why in (("parked", parked), ("paused", paused)) if why is not None
    ]
    is_limited = until is not None and int(until) > now
    return [*lasting, Hold("limited", _text(reason) or "", int(until or 0))] if is_limited else lasting


class Held(NamedTuple):
    """An account that is not claimed until it is resumed: the reasons, None where it is not.

    `credentials`: the print of those that were refused.
    """

    account: str
    parked: str | None
    paused: str | None
    credentials: str
    queued: int


class Holds:
    """Of one slot. `now` (ms) stands in for Redis's clock in tests."""

    def __init__(self, redis: Redis, slot: Slot, now: int | None = None) -> None:
        self.slot = slot
        self._now = "" if now is None else now
        self._redis: Any = redis

    async def pause(self, account: str, reason: str) -> None:
        """Until it is resumed; `EVERYTHING` for the whole slot."""
        await self._run("pause", account, reason)

    async def resume(self, accounts: Iterable[str], what: What = "both") -> int:
        """Ends what was to last until now, for these accounts. Gives how many were held."""
        return await self.resume_those([(account, "") for account in accounts], what)

    async def resume_those(self, held: Sequence[tuple[str, str]], what: What) -> int:
        """Accounts, each with the print of the credentials that it was parked with ("": any)."""
        pages = (held[start : start + PAGE] for start in range(0, len(held), PAGE))
        return sum([await self._run("resume", what, *(item for pair in page for item in pair)) for page in pages])

    async def lasting(self) -> AsyncIterator[Held]:
        """Every account that is parked or paused."""
        start = 0
        while page := await self._redis.zrangebyscore(self.slot.key("held"), "+inf", "+inf", start, PAGE):
            pipeline = self._redis.pipeline(transaction=False)
            for name in page:
                key = self.slot.key("account", name.decode())
                pipeline.hmget(key, "parked", "paused", "parked_with", "queued")
            for name, fields in zip(page, await pipeline.execute(), strict=True):
                parked, paused, print_ = map(_text, fields[:3])
                if parked is not None or paused is not None:
                    yield Held(name.decode(), parked, paused, print_ or "", int(fields[3] or 0))
            start += len(page)

    async def _run(self, script: str, *args: Any) -> int:
        return int(await run_one(self._redis, Call(script, self.slot.fixed, [self._now, *args])))


def _text(field: bytes | None) -> str | None:
    return None if field is None else field.decode("utf-8", "replace")
