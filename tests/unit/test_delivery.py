"""One run over one slot, on paths that real parts seldom take: expiry, last attempts, short leases, surprises."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from producers.clock import now_ms, rfc3339
from producers.destinations import DESTINATIONS
from producers.destinations.accounts import AccountCredentials
from producers.destinations.answers import Answer, NoAnswer, Request
from producers.stored_event import decode
from tests.unit.fakes import OK, FakeBuffer, FakeTransport, Keys, NoTokens
from tests.unit.samples import ACCOUNT, batch, payload, stored
from worker.buffer.batches import Batch, Claimed, Limits, Part, Settled, Settlement, Verdict
from worker.delivery.delivery import CLAIMED_AT_ONCE, Delivery
from worker.delivery.sending import Target
from worker.delivery.summary import Summary
from worker.settings import DeliverySettings

MONTH_MS = 31 * 86_400_000
KEYS = Keys({ACCOUNT: AccountCredentials(public_key="rpub", secret_key="rsec")})
SETTINGS = DeliverySettings(max_attempts=3)
TAKEN = Settlement(1, verdict=Verdict.TAKEN)
BROKEN = NoAnswer("ConnectionBroken", "the connection broke")


def claimed(name: str, *ages: int, **fields: Any) -> tuple[Batch, list[bytes]]:
    """A batch of events of these ages (ms), with the ids <name>-0, <name>-1, …"""
    now = now_ms()
    events = [stored(payload(f"{name}-{place}"), now - age) for place, age in enumerate(ages)]
    oldest = now - max(ages)
    return batch(len(events), oldest=oldest, id=name, **fields), events


def delivery(buffer: FakeBuffer, transport: FakeTransport, settings: DeliverySettings = SETTINGS) -> Delivery:
    target = Target(DESTINATIONS["event-api"], "https://api.example.com", KEYS, NoTokens())
    return Delivery(buffer.as_buffer, target, transport, settings, jitter=lambda: 1.0)


def sent_ids(transport: FakeTransport) -> list[list[str]]:
    return [[event["clientEventId"] for event in body["events"]] for body in transport.bodies]


async def test_a_batch_is_sent_whole_and_settled_as_delivered() -> None:
    buffer, transport = FakeBuffer(claimed("a", 0, 0, 0)), FakeTransport()
    summary = await delivery(buffer, transport).run()
    assert transport.bodies[0]["accountId"] == ACCOUNT
    assert sent_ids(transport) == [["a-0", "a-1", "a-2"]]
    assert buffer.settled == {"a": TAKEN._replace(delivered=3)}
    assert summary == Summary(delivered=3, requests=1, attempts=1)


async def test_an_expired_event_is_put_aside_and_the_others_are_sent() -> None:
    """One of them would make the API refuse the whole request."""
    buffer, transport = FakeBuffer(claimed("a", 0, 19 * MONTH_MS, 0)), FakeTransport()
    await delivery(buffer, transport).run()
    assert sent_ids(transport) == [["a-0", "a-2"]]
    settlement = buffer.settled["a"]
    assert (settlement.delivered, settlement.again) == (2, ())
    assert [(death.id, death.code) for death in settlement.dead] == [("a-1", "EventExpired")]


async def test_a_batch_of_expired_events_makes_no_request() -> None:
    buffer, transport = FakeBuffer(claimed("a", 19 * MONTH_MS, 20 * MONTH_MS)), FakeTransport()
    summary = await delivery(buffer, transport).run()
    assert transport.bodies == []
    assert (summary.requests, len(buffer.settled["a"].dead)) == (0, 2)


async def test_a_refused_record_beside_an_expired_event_is_the_right_one() -> None:
    """A record names a place in the request, which is another than the place in the batch."""
    refusal = b'{"data":{"unprocessedRecords":[{"error":{"code":"X"},"record":{"clientEventId":"a-2"}}]}}'
    buffer, transport = FakeBuffer(claimed("a", 19 * MONTH_MS, 0, 0)), FakeTransport(lambda _: Answer(200, refusal))
    await delivery(buffer, transport).run()
    settlement = buffer.settled["a"]
    assert settlement.delivered == 1
    assert [(death.id, death.code) for death in settlement.dead] == [("a-0", "EventExpired"), ("a-2", "X")]


async def test_without_an_answer_the_batch_is_tried_again_whole_after_the_policys_delay() -> None:
    buffer = FakeBuffer(claimed("a", 0, 0, attempts=2))
    await delivery(buffer, FakeTransport(lambda _: BROKEN)).run()
    assert buffer.settled["a"] == Settlement(0, again=(Part(0, 1, 1000, 4000),), verdict=Verdict.FAILED)


async def test_after_the_last_attempt_every_event_is_dead_with_its_reason() -> None:
    buffer = FakeBuffer(claimed("a", 0, 0, attempts=3))
    await delivery(buffer, FakeTransport(lambda _: Answer(503, b"", "t-9"))).run()
    settlement = buffer.settled["a"]
    assert (settlement.delivered, settlement.again, len(settlement.dead)) == (0, (), 2)
    entry = decode(settlement.dead[0].stored).history[-1]
    assert (entry["status"], entry["trace_id"], entry["attempts"]) == (503, "t-9", 3)
    assert entry["reasons"][0]["code"] == "ServiceUnavailableError"


async def test_a_batch_that_killed_its_workers_is_dead_without_another_request() -> None:
    """Attempts count at claim; one more than allowed means that nobody lived to settle the last."""
    buffer, transport = FakeBuffer(claimed("a", 0, 0, attempts=4)), FakeTransport()
    summary = await delivery(buffer, transport).run()
    assert transport.bodies == []
    assert {death.code for death in buffer.settled["a"].dead} == {"AttemptsExhausted"}
    assert summary.delivery_fails


@pytest.mark.parametrize("foreign", [b"", b"\x01" + b"\0" * 16, b"\xff" * 30, stored(b"no JSON")])
async def test_a_batch_with_an_event_that_nobody_can_read_ends_as_dead_letters(foreign: bytes) -> None:
    """At the latest when its attempts are spent: else it would be claimed and broken for ever."""
    buffer = FakeBuffer((batch(2, id="a", attempts=4), [foreign, stored(payload("a-1"))]))
    await delivery(buffer, FakeTransport()).run()
    assert len(buffer.settled["a"].dead) == 2


async def test_no_request_starts_with_less_lease_than_it_may_take() -> None:
    """The batch is given back as it was, its attempt not spent: another worker could get it while we send."""
    buffer, transport = FakeBuffer(claimed("a", 0, 0, first=5)), FakeTransport()
    settings = DeliverySettings(lease_s=1, http_timeout_s=2)
    summary = await delivery(buffer, transport, settings).run()
    assert transport.bodies == []
    assert buffer.settled["a"] == Settlement(0, again=(Part(5, 6, 1000, 0),), refund=True)
    assert summary.attempts == 0


async def test_an_attempt_that_raises_does_not_disturb_the_others() -> None:
    """It costs its batch an attempt, and no other batch anything."""

    def answer(body: Any) -> Answer:
        if body["events"][0]["clientEventId"] == "b-0":
            raise ZeroDivisionError
        return OK

    buffer = FakeBuffer(claimed("a", 0), claimed("b", 0), claimed("c", 0))
    summary = await delivery(buffer, FakeTransport(answer)).run()
    assert buffer.settled.keys() == {"a", "b", "c"}
    assert (buffer.settled["a"], buffer.settled["c"]) == (TAKEN, TAKEN)
    assert (buffer.settled["b"].delivered, len(buffer.settled["b"].again)) == (0, 1)
    assert (summary.attempts, summary.failed, summary.codes["AttemptBroke"]) == (3, 1, 1)


async def test_a_batch_whose_events_are_not_all_there_is_not_sent_and_ends_as_dead_letters() -> None:
    """Redis lost some of them. If somebody else settled the batch meanwhile, the settlement is void."""
    whole, events = claimed("a", 0, 0)
    buffer, transport = FakeBuffer((whole, events[:1])), FakeTransport()
    await delivery(buffer, transport).run()
    assert transport.bodies == []
    settled = buffer.settled["a"]
    assert (settled.delivered, [death.code for death in settled.dead]) == (0, ["BatchIncomplete"] * 2)
    assert settled.dead[0].id == "a-0"


@pytest.mark.parametrize("keys", [Keys({}), Keys({ACCOUNT: AccountCredentials(public_key="rpub")})])
async def test_an_account_without_credentials_makes_no_request_and_loses_nothing(keys: Keys) -> None:
    buffer, transport = FakeBuffer(claimed("a", 0)), FakeTransport()
    target = Target(DESTINATIONS["event-api"], "https://api.example.com", keys, NoTokens())
    summary = await Delivery(buffer.as_buffer, target, transport, SETTINGS).run()
    assert transport.bodies == []
    assert (buffer.settled["a"].delivered, len(buffer.settled["a"].again)) == (0, 1)
    assert summary.codes["CredentialsMissing"] == 1


async def test_no_more_requests_are_under_way_than_the_settings_say() -> None:
    buffer = FakeBuffer(*(claimed(f"b{number}", 0) for number in range(20)))
    transport = FakeTransport()
    await delivery(buffer, transport, DeliverySettings(in_flight=3, account_in_flight=2)).run()
    assert len(buffer.settled) == 20
    assert transport.most_at_once <= 3
    assert {limits.most_an_account for limits in buffer.claims} == {2}


async def test_a_claim_takes_a_few_dozens_so_that_the_first_are_on_the_wire_while_the_next_are_claimed() -> None:
    buffer = FakeBuffer(*(claimed(f"b{number}", 0) for number in range(200)))
    await delivery(buffer, FakeTransport(), DeliverySettings(in_flight=200)).run()
    assert len(buffer.settled) == 200
    assert max(limits.most for limits in buffer.claims) == CLAIMED_AT_ONCE


async def test_what_ends_while_a_claim_is_under_way_is_waited_for_if_it_is_due_again_at_once() -> None:
    """The claim found nothing, and nothing is on the wire: but what ended is not settled yet."""
    transport = Late()
    buffer = Claiming(claimed("a", 0), transport)
    await delivery(buffer, transport).run()
    assert len(transport.bodies) == 2
    assert buffer.settled == {"a": TAKEN}


class Late(FakeTransport):
    """The first request ends, without an answer, while a claim is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.claimed = asyncio.Event()

    async def post(self, request: Request, timeout_s: float) -> Answer | NoAnswer:
        answer = await super().post(request, timeout_s)
        if len(self.bodies) > 1:
            return answer
        await self.claimed.wait()
        return BROKEN


class Claiming(FakeBuffer):
    """Its second claim lets that request end; what is put back is due at once."""

    def __init__(self, first: tuple[Batch, list[bytes]], transport: Late) -> None:
        super().__init__(first)
        self._first, self._transport = first, transport

    async def settle_and_claim(
        self, ended: Sequence[tuple[Batch, Settlement]], limits: Limits
    ) -> tuple[list[Settled | Exception], Claimed]:
        answer = await super().settle_and_claim(ended, limits)
        if len(self.claims) == 2:
            self._transport.claimed.set()
            for _ in range(10):
                await asyncio.sleep(0)
        if any(settlement.again for _, settlement in ended):
            self.waiting.append(self._first)
            return answer[0], answer[1]._replace(next_due=1)
        return answer


async def test_claiming_ends_with_the_time_slice_and_what_is_in_flight_is_finished() -> None:
    buffer = FakeBuffer(*(claimed(f"b{number}", 0) for number in range(20)))
    ended: list[int] = []
    settings = DeliverySettings(task_slice_s=1e-9, in_flight=2)
    await delivery(buffer, FakeTransport(), settings).run(on_last_claim=lambda: ended.append(len(buffer.waiting)))
    assert ended == [18]
    assert len(buffer.settled) == 2


async def test_a_run_without_work_claims_once_and_ends() -> None:
    buffer, calls = FakeBuffer(), []
    summary = await delivery(buffer, FakeTransport()).run(on_last_claim=lambda: calls.append(1))
    assert len(buffer.claims) == 1
    assert calls == [1]
    assert not summary.delivery_fails


async def test_what_ended_is_settled_however_often_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost settle would be a duplicate."""
    monkeypatch.setattr("worker.delivery.exchange.TRY_AGAIN_S", 0)
    buffer = FakeBuffer(claimed("a", 0))

    def answer(_: Any) -> Answer:
        buffer.errors = [ConnectionError(), ConnectionError(), OSError()]
        return OK

    await delivery(buffer, FakeTransport(answer)).run()
    assert buffer.settled == {"a": TAKEN}


async def test_a_log_line_holds_no_event_and_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    refusal = b'{"data":{"code":"X","message":"john@example.com is bad"}}'
    events = [stored(payload("id-1", email="john@example.com", eventTime=rfc3339(now_ms())), now_ms())]
    buffer = FakeBuffer((batch(1, id="a"), events))
    await delivery(buffer, FakeTransport(lambda _: Answer(400, refusal))).run()
    said = "".join(capsys.readouterr())
    assert "attempt" in said
    assert "john" not in said
    assert "rsec" not in said
