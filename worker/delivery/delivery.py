"""Delivers what is due in one slot: claim, send, settle, many batches at a time, until nothing is due."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence

import structlog

from producers.clock import DAY_MS, now_ms
from producers.destinations.outcomes import ALL_TAKEN, Delivered, Limited, Outcome, Reason, Retry
from producers.stored_event import event_time_of, payloads_of
from worker.buffer.batches import Batch, Limits, Settled, Settlement
from worker.buffer.buffer import Buffer
from worker.delivery.attempt import Attempt
from worker.delivery.attempt_log import log_attempt
from worker.delivery.exchange import Exchange, Taken
from worker.delivery.flights import Flights
from worker.delivery.pacing import Pacer
from worker.delivery.records import Spent, codes_of, recorded, unsent
from worker.delivery.retry import retry_after_ms
from worker.delivery.second_thoughts import SecondThoughts
from worker.delivery.sending import Back, Sender, Sent, Target
from worker.delivery.settling import NEVER, Next, exhausted, given_back, renewed, settle, whole_again
from worker.delivery.summary import Summary
from worker.delivery.wire import Wire
from worker.http import Transport
from worker.lifecycle.stopping import Never, Stop
from worker.settings import DeliverySettings

log = structlog.get_logger("forwarder.delivery")
LOOK_AGAIN_S = 0.1  # while requests are under way: how long until claiming what became due meanwhile
CLAIMED_AT_ONCE = 64  # so that the first are on the wire while the next are claimed, and Redis serves others between
SOON_S = 0.35  # what is due so soon is waited for; ending the task and starting another would take as long


class Delivery:
    """One run over one slot. Claiming ends after the time slice or with the worker; what is on the wire is finished."""

    def __init__(
        self,
        buffer: Buffer,
        target: Target,
        transport: Transport,
        settings: DeliverySettings,
        jitter: Callable[[], float] = random.random,
        stop: Stop = Never,
    ) -> None:
        self._to = target.to
        self._surely_taken_ms = (target.to.window.months * 28 + target.to.window.days) * DAY_MS
        self._settings = settings
        self._policy = settings.retry_policy
        self._jitter = jitter
        self.summary = Summary()
        self._second_thoughts = SecondThoughts(settings)
        self._exchange = Exchange(buffer, settings.lease_s, self._hear)
        keys = settings.idempotency_keys
        self._stop = stop
        self._woken = asyncio.Event()
        self._flights = Flights()
        self._wire = Wire(transport, stop)
        self._sender = Sender(target, self._wire, settings.http_timeout_s, idempotency_keys=keys)
        self._pacer = Pacer(settings.spacing_ms / 1000, by_account=settings.rate_scope == "account")

    def wake(self) -> None:
        """Something became due just now."""
        self._woken.set()

    async def run(
        self, on_last_claim: Callable[[], object] | None = None, more: Callable[[], bool] = lambda: False
    ) -> Summary:
        """Delivers until nothing is due and nothing in flight. `on_last_claim` is called once no more is claimed.

        `more`: whether something may become due at any moment, so that it goes on.
        """
        ends = time.monotonic() + self._settings.task_slice_s
        flights = self._flights
        claiming = True
        while claiming or flights or self._exchange.unsettled:
            self._wire.cut(flights)
            room = self._settings.in_flight - len(flights) if claiming and not self._stop.asked else 0
            flights.forget_landed()
            limits = self._limits(min(room, CLAIMED_AT_ONCE))
            taken = await self._exchange.turn(limits, patient=bool(flights))
            for each in taken:
                flights.begin(self._attempt(each))
            ended = self._stop.asked or time.monotonic() > ends
            if claiming and (ended or not (self._is_busy() or self._more_comes(more))):
                claiming = False
                if on_last_claim:
                    on_last_claim()
            await self._waited(claiming and room > len(taken))
        flights.check()
        await self._exchange.tell_times()
        return self.summary

    def _is_busy(self) -> bool:
        """What ended while the last claim was under way counts: it may be due again as soon as it is settled."""
        return bool(self._flights) or self._exchange.unsettled

    def _more_comes(self, more: Callable[[], bool]) -> bool:
        """What became due since the last claim counts, whoever brought it."""
        return more() or self._woken.is_set() or self._exchange.due_in() < SOON_S

    async def _waited(self, may_claim: bool) -> None:
        """Waits for requests to end, or until more may be claimed."""
        pause = min(LOOK_AGAIN_S, max(0.0, self._exchange.due_in())) if may_claim else LOOK_AGAIN_S
        if self._is_busy():
            await self._flights.some_landed(pause)
        else:
            await self._woken_within(pause if may_claim else 0)

    async def _woken_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()

    def _cut_off(self, batch: Batch) -> None:
        """The worker ends. What may have arrived has spent its attempt, anything else goes back as it was."""
        if not self._wire.was_used():
            self._exchange.ended(batch, given_back(batch))
            return
        log.warning("attempt_cut_off", batch=batch.id, account=batch.account)
        self.summary.broke("WorkerStopped")
        self._unexpected(batch, "WorkerStopped")

    def _unexpected(self, batch: Batch, code: str) -> None:
        """An attempt that was begun and has no answer: it is spent."""
        attempt = Attempt(batch, (), self._to.event_id, now_ms())
        self._exchange.ended(batch, recorded(self._to, attempt, whole_again(batch, self._delay_ms(batch)), [code]))

    def _limits(self, room: int) -> Limits:
        of = self._settings
        together = of.rate_scope == "destination"
        return Limits(round(of.lease_s * 1000), room, of.account_in_flight, of.spacing_ms, together)

    def _hear(self, settled: Settled) -> None:
        """What Redis made of a settlement."""
        self.summary.settled(settled)
        if settled & Settled.CIRCUIT_OPENED:
            self._second_thoughts.about_all()

    async def _attempt(self, taken: Taken) -> None:
        """One attempt at a batch. A surprise costs the batch an attempt, and no other batch anything."""
        try:
            await self._try(taken)
        except asyncio.CancelledError:
            self._cut_off(taken.batch)
        except Exception:
            log.exception("attempt_broke", batch=taken.batch.id, account=taken.batch.account)
            self.summary.broke()
            self._unexpected(taken.batch, "AttemptBroke")
        finally:
            self._wire.forget()

    async def _try(self, taken: Taken) -> None:
        """Up to the settlement, which travels with the next claim."""
        batch, stored = taken.batch, taken.stored
        at = now_ms()
        reason = self._cannot_be_tried(batch, stored)
        if reason:
            untried = Attempt(batch, stored, self._to.event_id, at)
            self._settled(untried, exhausted(untried, reason), Retry((reason,)), Spent())
            return
        waited_s = await self._pacer.turn(batch.account) if self._settings.spacing_ms else 0.0
        if self._stop.asked or self._second_thoughts.on(taken):
            self._exchange.ended(batch, unsent(given_back(batch), waited_s))
            return
        places, expired = self._still_accepted(batch, stored, at)
        started = time.monotonic()
        payloads = payloads_of([stored[place] for place in places] if expired else stored)
        deadline = taken.claimed_at + self._settings.lease_s - self._settings.http_timeout_s
        sent = await self._sender.send(batch, payloads, deadline) if payloads else Sent(Delivered())
        self.summary.requests += sent.requests
        requested = sent.requests > 0
        told = (sent.status, sent.trace_id, requested, sent.credentials)
        attempt = Attempt(batch, stored, self._to.event_id, at, *told)
        spent = Spent(time.monotonic() - started, waited_s, len(payloads) if requested else 0)
        if isinstance(sent.outcome, Back):
            back = renewed(batch, self._delay_ms(batch)) if sent.outcome.renewed else given_back(batch)
            of = recorded(self._to, attempt, back, [], spent) if requested else unsent(back, waited_s)
            self._exchange.ended(batch, of)
            return
        if not isinstance(sent.outcome, Delivered | Retry):
            self._second_thoughts.about(batch.account)
        following = NEVER if sent.outcome == ALL_TAKEN else self._next(batch, sent.outcome)
        settlement = settle(attempt, places, sent.outcome, expired, following)
        self._settled(attempt, settlement, sent.outcome, spent)

    def _cannot_be_tried(self, batch: Batch, stored: list[bytes]) -> Reason | None:
        """If somebody else settled the batch meanwhile, its events are gone too, and our token is of no use."""
        if len(stored) < batch.events:
            return Reason("BatchIncomplete", f"Redis has {len(stored)} of its {batch.events} events")
        if batch.attempts > self._policy.max_attempts:  # as a probe, too: one that fails gives its attempt back
            return Reason("AttemptsExhausted", "no attempt could be brought to its end")
        return None

    def _next(self, batch: Batch, outcome: Outcome) -> Next:
        hold_ms = 0
        if isinstance(outcome, Limited):
            hold_ms = retry_after_ms(outcome.retry_after, now_ms(), self._settings.retry_after_longest_s)
        return Next(self._delay_ms(batch), self._policy.exhausted(batch), hold_ms)

    def _delay_ms(self, batch: Batch) -> int:
        return self._policy.delay_ms(batch.attempts, self._jitter())

    def _still_accepted(self, batch: Batch, stored: list[bytes], now: int) -> tuple[Sequence[int], Sequence[int]]:
        """Places of the events to send, and of those too old: one of them makes the API refuse the whole request."""
        if batch.oldest >= now - self._surely_taken_ms:  # shortest months: reckoning the real ones takes its time
            return range(len(stored)), ()
        earliest = self._to.window.earliest(now)
        if batch.oldest >= earliest:
            return range(len(stored)), ()
        old = [event_time_of(event) < earliest for event in stored]
        return [p for p, is_old in enumerate(old) if not is_old], [p for p, is_old in enumerate(old) if is_old]

    def _settled(self, attempt: Attempt, settlement: Settlement, outcome: Outcome, spent: Spent) -> None:
        codes = codes_of(settlement, outcome)
        self._exchange.ended(attempt.batch, recorded(self._to, attempt, settlement, codes, spent))
        self.summary.add(settlement, outcome)
        log_attempt(self._to.name, attempt, settlement, outcome, codes, spent.seconds)
