"""Stand-ins for the edges of a delivery: a buffer that hands out given batches, a transport that gives set answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from producers.destinations.accounts import AccountCredentials
from producers.destinations.answers import Answer, NoAnswer, Request
from worker.buffer.batches import Batch, Claimed, Limits, Noted, Settled, Settlement
from worker.buffer.buffer import Buffer

OK = Answer(200, b'{"data":{"unprocessedRecords":[]}}', "trace-1")


class FakeBuffer:
    """Hands out `waiting` as far as the limits allow, and notes each settlement. `errors` are raised first, in turn."""

    def __init__(self, *waiting: tuple[Batch, list[bytes]]) -> None:
        self.waiting = list(waiting)
        self.stored = {batch.id: events for batch, events in waiting}
        self.settled: dict[str, Settlement] = {}  # but what is noted of them
        self.noted: dict[str, Noted] = {}
        self.claims: list[Limits] = []
        self.errors: list[Exception] = []
        self.answers: dict[str, Settled | Exception] = {}

    async def settle_and_claim(
        self, ended: Sequence[tuple[Batch, Settlement]], limits: Limits
    ) -> tuple[list[Settled | Exception], Claimed]:
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        self.claims.append(limits)
        self.settled |= {batch.id: settlement._replace(noted=Noted()) for batch, settlement in ended}
        self.noted |= {batch.id: settlement.noted for batch, settlement in ended}
        taken, self.waiting = self.waiting[: limits.most], self.waiting[limits.most :]
        claimed = Claimed([batch for batch, _ in taken], 0 if self.waiting else None, 1)
        return [self.answers.get(batch.id, Settled.DONE) for batch, _ in ended], claimed

    async def add_up(self, counts: Mapping[str, int]) -> None:
        """Nobody asks for them."""

    async def read(self, batches: Sequence[Batch]) -> list[list[bytes]]:
        return [self.stored[batch.id] for batch in batches]

    @property
    def as_buffer(self) -> Buffer:
        return cast("Buffer", self)


class FakeTransport:
    """Answers each request with what `answer` makes of it, and notes the bodies."""

    def __init__(self, answer: Callable[[Any], Answer | NoAnswer] = lambda _: OK) -> None:
        self._answer = answer
        self.bodies: list[Any] = []
        self.at_once = self.most_at_once = 0

    async def post(self, request: Request, timeout_s: float) -> Answer | NoAnswer:
        assert timeout_s > 0
        body = json.loads(request.body)
        self.bodies.append(body)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        return self._answer(body)

    async def close(self) -> None:
        """Nothing is open."""


class Keys:
    """Credentials of these accounts alone."""

    version = None

    def __init__(self, accounts: Mapping[str, AccountCredentials]) -> None:
        self._accounts = accounts

    def of(self, account: str) -> AccountCredentials | None:
        return self._accounts.get(account)


class NoTokens:
    """For APIs that take none."""

    async def token(self, app_id: str, app_secret: str) -> tuple[str, bool]:
        raise AssertionError(f"nobody asked for a token of {app_id}, {len(app_secret)}")

    async def refused(self, app_id: str, app_secret: str, token: str) -> None:
        raise AssertionError(f"no token of {app_id}, {len(app_secret)}, {len(token)}")
