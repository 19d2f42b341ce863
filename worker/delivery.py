"""Delivers what is due in one slot: claim, send, settle, many batches at a time, until nothing is due."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from producers.clock import now_ms
from producers.stored_event import event_time_of, payload_of
from worker.answers import Answer, NoAnswer
from worker.buffer.batches import Batch, Limits, Settlement
from worker.buffer.buffer import Buffer
from worker.credentials import Credentials
from worker.destinations import Api
from worker.exchange import Exchange
from worker.outcomes import Delivered, Outcome, Reason, Retry, retry_of
from worker.retry import RetryPolicy
from worker.settings import DeliverySettings
from worker.settling import Attempt, exhausted, given_back, settle
from worker.summary import Summary
from worker.transport import Transport

log = structlog.get_logger("forwarder.delivery")
LOOK_AGAIN_S = 0.1  # while requests are under way: how long until claiming what became due meanwhile


class Target(NamedTuple):
    """Where one destination's events go, and with whose credentials."""

    api: Api
    host: str
    credentials: Credentials


class Delivery:
    """One run over one slot. Claiming ends after the time slice; what is in flight is finished."""

    def __init__(
        self,
        buffer: Buffer,
        target: Target,
        transport: Transport,
        settings: DeliverySettings,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._target = target
        self._transport = transport
        self._settings = settings
        self._policy = RetryPolicy(
            first_s=settings.retry_first_s, longest_s=settings.retry_longest_s, max_attempts=settings.max_attempts
        )
        self._jitter = jitter
        self._exchange = Exchange(buffer, settings.lease_s)
        self.summary = Summary()

    async def run(self, on_last_claim: Callable[[], object] | None = None) -> Summary:
        """Delivers until nothing is due and nothing in flight. `on_last_claim` is called once no more is claimed."""
        ends = time.monotonic() + self._settings.task_slice_s
        flights: set[asyncio.Task[None]] = set()
        claiming = True
        while claiming or flights or self._exchange.unsettled:
            room = self._settings.in_flight - len(flights) if claiming else 0
            taken = await self._exchange.turn(self._limits(room), patient=bool(flights))
            flights |= {asyncio.create_task(self._attempt(batch, stored, until)) for batch, stored, until in taken}
            if claiming and (time.monotonic() > ends or not (flights or self._exchange.more_is_due)):
                claiming = False
                if on_last_claim:
                    on_last_claim()
            if flights:
                done, flights = await asyncio.wait(flights, timeout=LOOK_AGAIN_S, return_when="FIRST_COMPLETED")
                for flight in done:
                    flight.result()
        return self.summary

    def _limits(self, room: int) -> Limits:
        return Limits(round(self._settings.lease_s * 1000), room, self._settings.account_in_flight)

    async def _attempt(self, batch: Batch, stored: list[bytes], lease_ends: float) -> None:
        """One attempt at a batch. A surprise costs the batch its lease and an attempt, and no other batch anything."""
        try:
            await self._try(batch, stored, lease_ends)
        except Exception:
            log.exception("attempt_broke", batch=batch.id, account=batch.account, attempt=batch.attempts)
            self.summary.broke()

    async def _try(self, batch: Batch, stored: list[bytes], lease_ends: float) -> None:
        """Up to the settlement, which travels with the next claim."""
        attempt = Attempt(batch, stored, self._target.api.event_id, now_ms())
        if batch.attempts > self._policy.max_attempts:
            reason = Reason("AttemptsExhausted", "no worker lived to settle the last attempt")
            self._settled(attempt, exhausted(attempt, reason), Retry((reason,)), 0.0)
            return
        sent, expired = self._still_accepted(batch, stored, attempt.at)
        started = time.monotonic()
        if lease_ends - started < self._settings.http_timeout_s:
            self._exchange.ended(batch, given_back(batch))
            return
        answer, outcome = await self._ask([payload_of(stored[place]) for place in sent], batch.account)
        if isinstance(answer, Answer):
            attempt = attempt._replace(status=answer.status, trace_id=answer.trace_id)
        delay_ms = self._policy.delay_ms(batch.attempts, self._jitter())
        last = self._policy.exhausted(batch.attempts)
        settlement = settle(attempt, sent, outcome, expired, last=last, delay_ms=delay_ms)
        self._settled(attempt, settlement, outcome, time.monotonic() - started)

    def _still_accepted(self, batch: Batch, stored: list[bytes], now: int) -> tuple[list[int], list[int]]:
        """Places of the events to send, and of those too old: one of them makes the API refuse the whole request."""
        earliest = self._target.api.accepts.window.earliest(now)
        if batch.oldest >= earliest:
            return list(range(len(stored))), []
        old = [event_time_of(event) < earliest for event in stored]
        return [p for p, is_old in enumerate(old) if not is_old], [p for p, is_old in enumerate(old) if is_old]

    async def _ask(self, payloads: list[bytes], account: str) -> tuple[Answer | NoAnswer | None, Outcome]:
        if not payloads:
            return None, Delivered()
        credentials = self._target.credentials.of(account)
        missing = self._target.api.missing(credentials) if credentials else ["the account itself"]
        if credentials is None or missing:
            reason = Reason("CredentialsMissing", f"the credentials file lacks {', '.join(missing)} for this account")
            return None, Retry((reason,))
        request = self._target.api.request(self._target.host, account, payloads, credentials)
        self.summary.requests += 1
        answer = await self._transport.post(request, self._settings.http_timeout_s)
        return answer, retry_of(answer) if isinstance(answer, NoAnswer) else self._target.api.outcome(answer, payloads)

    def _settled(self, attempt: Attempt, settlement: Settlement, outcome: Outcome, seconds: float) -> None:
        self._exchange.ended(attempt.batch, settlement)
        self.summary.add(settlement, outcome)
        log_attempt(self._target.api.name, attempt, settlement, outcome, seconds)


def log_attempt(destination: str, attempt: Attempt, settlement: Settlement, outcome: Outcome, seconds: float) -> None:
    """One line an attempt: numbers, codes and ids of requests. Never a message, an address or an event."""
    reasons = outcome.reasons if not isinstance(outcome, Delivered) else ()
    codes = sorted({reason.code[:64] for reason in reasons} | {death.code[:64] for death in settlement.dead})
    level = log.info if isinstance(outcome, Delivered) and not settlement.dead else log.warning
    level(
        "attempt",
        destination=destination,
        batch=attempt.batch.id,
        account=attempt.batch.account,
        attempt=attempt.batch.attempts,
        events=len(attempt.stored),
        delivered=settlement.delivered,
        dead=len(settlement.dead),
        again=len(attempt.stored) - settlement.delivered - len(settlement.dead),
        status=attempt.status or None,
        trace_id=attempt.trace_id or None,
        codes=codes,
        seconds=round(seconds, 4),
    )
