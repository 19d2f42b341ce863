"""What the fake gives to a shop's own tests, beyond what it shares with the real producer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from producers import EnqueueFailed, Fate, InvalidEvent, Producer
from producers.asynchronous import AsyncProducer
from producers.contrib.process_wide import ProcessWide
from producers.testing import FakeProducer, Recorded, faked
from tests.unit.imports import ROOT

SOLD = {"eventType": "conversion"}
LONG = [{"name": "n", "value": "v" * 1000}]


def sold(producer: Producer, id_: str | None = None, account: str = "1") -> str:
    return producer.enqueue("event-api", account=account, event=SOLD, id=id_)


def test_the_only_event_is_given_and_anything_else_shows_what_there_is() -> None:
    fake = FakeProducer()
    with pytest.raises(AssertionError, match=r"0 events for event-api, not one.*\n  nothing"):
        fake.only("event-api")
    sold(fake, "a")
    assert fake.only("event-api") == Recorded("event-api", "1", fake.events[0].event, "a")
    sold(fake, "b", "2")
    assert fake.only("event-api", "2").id == "b"
    with pytest.raises(AssertionError, match="2 events for event-api, not one") as shown:
        fake.only("event-api")
    assert "id='a'" in str(shown.value)
    assert "id='b'" in str(shown.value)


def test_what_was_cleared_is_forgotten_with_its_ids() -> None:
    fake = FakeProducer()
    sold(fake, "a")
    fake.clear()
    assert not fake.events
    assert fake.enqueue("event-api", account="1", event=SOLD, id="a").fate is Fate.BUFFERED


def test_a_change_to_what_was_read_changes_nothing() -> None:
    fake = FakeProducer()
    sold(fake)
    fake.events[0].event["eventType"] = "other"
    assert fake.events[0].event["eventType"] == "conversion"


@pytest.mark.parametrize("maybe", [False, True])
def test_it_fails_for_as_long_as_it_is_told(maybe: bool) -> None:
    fake = FakeProducer()
    with fake.fails("Redis is away", maybe_accepted=maybe):
        with pytest.raises(EnqueueFailed, match="Redis is away") as failed:
            sold(fake, "a")
        results = fake.enqueue_many([{"destination": "event-api", "account": "1", "event": SOLD, "id": "b"}])
    assert (failed.value.id, failed.value.maybe_accepted) == ("a", maybe)
    assert [(each.id, type(each.error)) for each in results] == [("b", EnqueueFailed)]
    assert not fake.events
    sold(fake, "a")
    assert fake.only("event-api").id == "a"


def test_it_can_be_switched_to_fail_and_back() -> None:
    fake = FakeProducer()
    fake.fails("away")
    with pytest.raises(EnqueueFailed):
        sold(fake)
    fake.works()
    sold(fake)


def test_spooled_events_are_accepted_and_told_so() -> None:
    fake = FakeProducer()
    with fake.spools():
        assert fake.enqueue("event-api", account="1", event=SOLD, id="a").spooled
        assert fake.enqueue("event-api", account="1", event=SOLD, id="a").spooled
    assert fake.only("event-api").id == "a"


def test_many_threads_lose_nothing() -> None:
    fake = FakeProducer()
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: sold(fake), range(200)))
    assert sorted(each.id for each in fake.events) == sorted(ids)


async def test_coroutines_hear_of_failures_with_their_own_ids() -> None:
    fake = FakeProducer()
    async with fake.asynchronous() as producer:
        with fake.fails("away", maybe_accepted=True):
            calls = [producer.enqueue("event-api", account="1", event=SOLD, id=each) for each in "ab"]
            failures = await asyncio.gather(*calls, return_exceptions=True)
        await producer.enqueue("event-api", account="1", event=SOLD, id="c")
    told = [(each.id, each.maybe_accepted) for each in failures if isinstance(each, EnqueueFailed)]
    assert told == [("a", True), ("b", True)]
    assert fake.only("event-api").id == "c"


def test_it_stands_in_for_every_producer_of_the_process() -> None:
    """Those that the code makes, those it had made before, and those that are kept for a process."""
    before, kept = Producer.from_env({}), ProcessWide(lambda: Producer.from_env({}))
    kept.get()
    with faked() as fake:
        assert Producer.from_env() is fake
        assert kept.get() is fake
        sold(before, "before")
        sold(kept.get(), "kept")
        asyncio.run(_sold(AsyncProducer.from_env({}), "async"))
        assert [each.id for each in fake.events] == ["before", "kept", "async"]
        with fake.fails("away"), pytest.raises(EnqueueFailed):
            sold(before)
    assert not isinstance(Producer.from_env({}), FakeProducer)
    assert not isinstance(kept.get(), FakeProducer)
    assert len(fake.events) == 3


async def _sold(producer: AsyncProducer, id_: str) -> None:
    async with producer:
        await producer.enqueue("event-api", account="1", event=SOLD, id=id_)


def disagrees(*_: object) -> bool:
    return False


def test_consent_that_the_code_names_is_asked() -> None:
    with faked() as fake:
        assert Producer.from_env(consent=disagrees).enqueue("event-api", account="1", event=SOLD).withheld
    assert (fake.events, fake.withheld) == ([], 1)


def test_a_fake_that_is_given_checks_as_it_was_made() -> None:
    """And one that is made from variables as these say, under another one too."""
    with faked(FakeProducer(consent=disagrees)) as fake:
        assert Producer.from_env({}).enqueue("event-api", account="1", event=SOLD).withheld
        strict = FakeProducer.from_env({"FORWARDER_MAX_BYTES": "1000"})
        with pytest.raises(InvalidEvent, match="at most 1000"):
            strict.enqueue("event-api", account="1", event={**SOLD, "metaData": LONG})
        sold(strict, "strict")
    assert (fake.events, strict.only("event-api").id) == ([], "strict")


def test_consent_that_the_environment_names_is_asked() -> None:
    with faked() as fake:
        made = Producer.from_env({"FORWARDER_CONSENT": f"{__name__}:disagrees"})
        assert made.enqueue("event-api", account="1", event=SOLD).withheld
    assert (fake.events, fake.withheld) == ([], 1)


def test_importing_it_needs_no_pytest_and_nothing_of_the_worker() -> None:
    program = "from producers.testing import FakeProducer, faked; import sys; FakeProducer(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "producers.testing.fake" in loaded
    assert not loaded & {"pytest", "worker", "celery", "django", "flask", "fastapi"}
