"""A delivery whose worker is to end: nothing new begins, what is on the wire is finished in time, the rest is back."""

from __future__ import annotations

import asyncio
import os
import time

from producers.destinations import DESTINATIONS
from producers.destinations.accounts import AccountCredentials
from producers.destinations.answers import Answer, NoAnswer, Request
from tests.unit.fakes import OK, FakeBuffer, FakeTransport, Keys, NoTokens
from tests.unit.samples import ACCOUNT
from tests.unit.test_delivery import KEYS, SETTINGS, claimed, delivery
from worker.access.tokens import Tokens
from worker.buffer.batches import Part, Settlement, Verdict
from worker.delivery.delivery import Delivery
from worker.delivery.sending import Target
from worker.http import Transport
from worker.lifecycle.stopping import Never, Stopping
from worker.settings import DeliverySettings

BACK = Settlement(0, again=(Part(0, 0, 1000, 0),), refund=True)


class Asked:
    """A stop that is asked for, and over, when the test says so."""

    def __init__(self, *, asked: bool = False) -> None:
        self.asked = asked
        self.over = False


class Hanging(FakeTransport):
    """Answers once it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.released = asyncio.Event(), asyncio.Event()

    async def post(self, request: Request, timeout_s: float) -> Answer | NoAnswer:
        self.begun.set()
        await self.released.wait()
        return await super().post(request, timeout_s)


class Slow(NoTokens):
    """A token that does not come."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def token(self, app_id: str, app_secret: str) -> tuple[str, bool]:
        self.begun.set()
        await asyncio.sleep(3_600)
        return await super().token(app_id, app_secret)


def stopping(
    buffer: FakeBuffer,
    transport: Transport,
    stop: Asked,
    settings: DeliverySettings = SETTINGS,
    tokens: Tokens | None = None,
) -> Delivery:
    app = AccountCredentials(app_id="app", app_secret="hidden")
    keys = KEYS if tokens is None else Keys({ACCOUNT: app})
    target = Target(DESTINATIONS["event-api"], "https://api.example.com", keys, tokens or NoTokens())
    return Delivery(buffer.as_buffer, target, transport, settings, jitter=lambda: 1.0, stop=stop)


async def test_a_delivery_that_begins_after_the_stop_claims_nothing() -> None:
    buffer, last = FakeBuffer(claimed("a", 0)), []
    await stopping(buffer, FakeTransport(), Asked(asked=True)).run(on_last_claim=lambda: last.append(1))
    assert (len(buffer.waiting), buffer.settled, last) == (1, {}, [1])


async def test_a_batch_that_was_being_claimed_goes_back_with_its_attempt() -> None:
    stop, transport = Asked(), FakeTransport()
    buffer = FakeBuffer(claimed("a", 0))
    read = buffer.read

    async def reading(batches: object) -> list[list[bytes]]:
        stop.asked = True
        return await read(batches)  # type: ignore[arg-type]

    buffer.read = reading  # type: ignore[method-assign]
    await stopping(buffer, transport, stop).run()
    assert (transport.bodies, buffer.settled) == ([], {"a": BACK})


async def test_what_is_on_the_wire_is_finished_and_what_waits_for_its_place_goes_back_at_once() -> None:
    """Before the first one is answered."""
    stop, transport = Asked(), Hanging()
    buffer = FakeBuffer(claimed("a", 0), claimed("b", 0))
    run = asyncio.create_task(stopping(buffer, transport, stop, DeliverySettings(requests_a_second=0.01)).run())
    await transport.begun.wait()
    stop.asked = True
    async with asyncio.timeout(5):
        while "b" not in buffer.settled:
            await asyncio.sleep(0.01)
    assert buffer.settled == {"b": BACK}
    transport.released.set()
    await run
    assert buffer.settled == {"a": Settlement(1, verdict=Verdict.TAKEN), "b": BACK}


async def test_a_batch_that_waits_for_a_token_goes_back_with_its_attempt() -> None:
    stop, tokens = Asked(), Slow()
    buffer = FakeBuffer(claimed("a", 0))
    run = asyncio.create_task(stopping(buffer, FakeTransport(), stop, tokens=tokens).run())
    await tokens.begun.wait()
    stop.asked = True
    await asyncio.wait_for(run, 5)
    assert buffer.settled == {"a": BACK}


async def test_what_is_still_on_the_wire_when_the_time_is_over_is_cut_off_and_has_spent_its_attempt() -> None:
    """It may have arrived."""
    stop, transport = Asked(), Hanging()
    buffer = FakeBuffer(claimed("a", 0, attempts=2))
    run = asyncio.create_task(stopping(buffer, transport, stop).run())
    await transport.begun.wait()
    stop.asked = stop.over = True
    summary = await asyncio.wait_for(run, 5)
    assert buffer.settled == {"a": Settlement(0, again=(Part(0, 0, 1000, 4000),))}
    assert (summary.failed, summary.codes["WorkerStopped"]) == (1, 1)


async def test_without_a_word_nobody_stops() -> None:
    assert not Never.asked
    buffer = FakeBuffer(claimed("a", 0))
    await delivery(buffer, FakeTransport(lambda _: OK)).run()
    assert buffer.settled == {"a": Settlement(1, verdict=Verdict.TAKEN)}


def test_a_forked_process_sees_when_it_was_asked_and_the_first_time_counts() -> None:
    shared = Stopping()
    shared.timeout_s = 3_600
    child = os.fork()
    if child == 0:
        shared.ask()
        os._exit(0)
    os.waitpid(child, 0)
    assert shared.asked
    assert not shared.over
    assert shared.over_for(-3_600)
    shared.timeout_s = 0
    time.sleep(0.01)  # else the second time could be the same as the first
    shared.ask()
    assert shared.over_for(0.005)
