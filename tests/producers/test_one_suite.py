"""The fake and the producer on a real Redis keep the same promises: each test runs on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from producers import EnqueueFailed, Fate, InvalidEvent, Producer
from producers.asynchronous import AsyncProducer
from producers.audience import exclude, include
from producers.clock import now_ms, rfc3339
from producers.session import impression
from producers.testing import FakeProducer, Recorded
from tests.apis.cases import CASES, HASH
from tests.producers.conftest import new_producer
from tests.support.stored import stored, withheld
from worker.stack.redis_server import EmbeddedRedis

SIGNAL = impression(session="s", parent="p", transaction="t")
GOOD = {"event-api": {"eventType": "conversion"}, "server-events": SIGNAL, "audience": include("a@example.com")}


class Shop(NamedTuple):
    """`taken(destination, account)`: what was accepted, as Rokt would get it. `withheld(destination)`: how many."""

    producer: Producer
    taken: Callable[..., list[Recorded]]
    withheld: Callable[[str], int]


Opened = Callable[..., Shop]


def fake_shop(**options: Any) -> Shop:
    fake = FakeProducer(**options)
    return Shop(fake, fake.of, lambda _: fake.withheld)


def redis_shop(server: EmbeddedRedis, prefix: str, **options: Any) -> Shop:
    made = new_producer(server, prefix, **options)
    return Shop(
        made,
        lambda to, account=None: stored(server.url, prefix, to, account),
        lambda to: withheld(server.url, prefix, to),
    )


class Marked(str):
    """A text of a kind of its own, as templates and number libraries have."""

    __slots__ = ()


@pytest.fixture(params=["fake", "redis"])
def opened(request: pytest.FixtureRequest, redis_server: EmbeddedRedis, prefix: str) -> Iterator[Opened]:
    shops = []

    def opens(**options: Any) -> Shop:
        shops.append(fake_shop(**options) if request.param == "fake" else redis_shop(redis_server, prefix, **options))
        return shops[-1]

    yield opens
    for each in shops:
        each.producer.close()


@pytest.fixture
def shop(opened: Opened) -> Shop:
    return opened()


knows_ids = pytest.mark.parametrize("opened", ["fake", "redis"], indirect=True)


def line(to: str, id_: str | None = None, account: str = "1", **more: Any) -> dict[str, Any]:
    return {"destination": to, "account": account, "event": {**GOOD[to], **more}, "id": id_}


def ids(taken: list[Recorded]) -> list[str]:
    return [each.id for each in taken]


@pytest.mark.parametrize("to", GOOD)
def test_an_id_is_made_and_is_that_of_the_event(shop: Shop, to: str) -> None:
    first, second = (shop.producer.enqueue(to, account="1", event=GOOD[to]) for _ in range(2))
    assert first != second
    assert first.fate is Fate.BUFFERED
    assert ids(shop.taken(to)) == [first, second]


@pytest.mark.parametrize("to", GOOD)
def test_an_id_of_the_callers_own_is_kept(shop: Shop, to: str) -> None:
    assert shop.producer.enqueue(to, account="1", event=GOOD[to], id="mine") == "mine"
    assert ids(shop.taken(to, "1")) == ["mine"]
    assert not shop.taken(to, "2")


def test_two_ids_for_one_event_are_refused(shop: Shop) -> None:
    with pytest.raises(InvalidEvent, match="differs from event"):
        shop.producer.enqueue("event-api", account="1", event={**GOOD["event-api"], "clientEventId": "a"}, id="b")
    assert not shop.taken("event-api")


def test_the_time_is_made_where_none_is_given(shop: Shop) -> None:
    before = rfc3339(now_ms())
    shop.producer.enqueue("event-api", account="1", event=GOOD["event-api"])
    (taken,) = shop.taken("event-api")
    assert before <= taken.event["eventTime"] <= rfc3339(now_ms())


@pytest.mark.parametrize("to", GOOD)
def test_every_fault_is_told_and_nothing_is_taken(shop: Shop, to: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        shop.producer.enqueue(to, account="1", event=CASES[to].bad)
    assert {fault.field for fault in refused.value.faults} == CASES[to].fields
    assert not shop.taken(to)


def test_an_unknown_destination_is_refused(shop: Shop) -> None:
    with pytest.raises(InvalidEvent, match="destination"):
        shop.producer.enqueue("nowhere", account="1", event={})


def test_many_events_have_their_results_in_their_order(shop: Shop) -> None:
    lines = [line("event-api", "a"), {"destination": "event-api"}, line("audience", "b"), line("server-events", "c")]
    lines += [line("event-api", "d", eventType=""), line("event-api", "e", account="2")]
    results = shop.producer.enqueue_many(lines)
    assert [each.id for each in results] == ["a", "", "b", "c", "", "e"]
    assert [isinstance(each.error, InvalidEvent) for each in results] == [False, True, False, False, True, False]
    assert [each.fate for each in results if each.error is None] == [Fate.BUFFERED] * 4
    assert [ids(shop.taken(to)) for to in GOOD] == [["a", "e"], ["c"], ["b"]]


def test_events_of_one_session_keep_their_order(shop: Shop) -> None:
    """Over many calls, over more than a request holds, with other sessions between."""
    for number in range(30):
        shop.producer.enqueue("server-events", account="1", event=SIGNAL, id=f"s{number}")
        shop.producer.enqueue("server-events", account="1", event={**SIGNAL, "sessionId": "z"})
    shop.producer.enqueue_many(line("server-events", f"s{number}") for number in range(30, 60))
    taken = [each.id for each in shop.taken("server-events") if each.event["sessionId"] == "s"]
    assert taken == [f"s{number}" for number in range(60)]


def test_who_did_not_agree_is_counted_and_not_taken(opened: Opened) -> None:
    """The callback is asked about the event as it would be sent."""
    shop = opened(consent=lambda _to, _account, event: event["email"] == "yes@example.com")
    fates = [
        shop.producer.enqueue("audience", account="1", event=include(f"{who}@Example.com"), id=who).fate
        for who in ("yes", "no")
    ]
    assert fates == [Fate.BUFFERED, Fate.WITHHELD]
    assert ids(shop.taken("audience")) == ["yes"]
    assert shop.withheld("audience") == 1


def test_a_consent_callback_that_fails_sends_nothing(opened: Opened) -> None:
    shop = opened(consent=lambda *_: 1 / 0)
    with pytest.raises(EnqueueFailed, match="ZeroDivisionError") as failed:
        shop.producer.enqueue("event-api", account="1", event=GOOD["event-api"], id="odd")
    assert (failed.value.id, failed.value.maybe_accepted) == ("odd", False)
    assert not shop.taken("event-api")


def test_addresses_are_brought_into_form(shop: Shop) -> None:
    for event in (include("  Alice@Example.COM "), {"sha256": HASH.upper(), "action": "exclude", "list": "US"}):
        shop.producer.enqueue("audience", account="1", event=event)
    shop.producer.enqueue("audience", account="1", event=exclude("b@example.com", list_name="AdvertiserDatabase"))
    assert [each.event for each in shop.taken("audience")] == [
        {"email": "alice@example.com", "action": "include"},
        {"sha256": HASH, "action": "exclude", "list": "US"},
        {"email": "b@example.com", "action": "exclude"},
    ]


def test_signals_are_spelled_as_the_sample_of_the_document(shop: Shop) -> None:
    time = rfc3339(now_ms())
    given = {**SIGNAL, "eventTime": time, "metadata": [{"Name": "n", "Value": "v"}]}
    shop.producer.enqueue("server-events", account="1", event=given)
    (taken,) = shop.taken("server-events")
    assert taken.event == {**SIGNAL, "eventTime": time, "metadata": [{"name": "n", "value": "v"}]}


async def test_coroutines_are_told_the_same(shop: Shop) -> None:
    async with AsyncProducer(shop.producer) as producer:
        given = await producer.enqueue("event-api", account="1", event=GOOD["event-api"], id="mine")
        (result, refused) = await producer.enqueue_many([line("event-api", "b"), {}])
    assert (given, given.fate, result.id) == ("mine", Fate.BUFFERED, "b")
    assert isinstance(refused.error, InvalidEvent)
    assert ids(shop.taken("event-api")) == ["mine", "b"]


@knows_ids
@pytest.mark.parametrize("to", GOOD)
def test_an_event_that_comes_again_is_told_as_a_duplicate(shop: Shop, to: str) -> None:
    """Although its time, which is made at each call, is another."""
    first, second = (shop.producer.enqueue(to, account="1", event=GOOD[to], id="mine") for _ in range(2))
    assert (first, first.fate) == ("mine", Fate.BUFFERED)
    assert (second, second.fate, second.duplicate) == ("mine", Fate.DUPLICATE, True)
    assert ids(shop.taken(to)) == ["mine"]


@knows_ids
def test_another_event_under_the_same_id_is_refused(shop: Shop) -> None:
    one, other = ({**GOOD["event-api"], "metaData": [{"name": "n", "value": value}]} for value in "ab")
    shop.producer.enqueue("event-api", account="1", event=one, id="mine")
    with pytest.raises(InvalidEvent, match="id: 'mine' was accepted before, with another content"):
        shop.producer.enqueue("event-api", account="1", event=other, id="mine")
    assert [each.event["metaData"] for each in shop.taken("event-api")] == [one["metaData"]]


@knows_ids
def test_duplicates_among_many_are_told_each(shop: Shop) -> None:
    lines = [line("event-api", "a"), line("event-api", "a"), line("event-api", "b")]
    lines.append(line("event-api", "b", metaData=[{"name": "n", "value": "v"}]))
    results = shop.producer.enqueue_many(lines)
    assert [each.fate for each in results] == [Fate.BUFFERED, Fate.DUPLICATE, Fate.BUFFERED, Fate.CONFLICT]
    assert [type(each.error) for each in results] == [type(None)] * 3 + [InvalidEvent]
    assert ids(shop.taken("event-api")) == ["a", "b"]


def test_an_id_may_come_again_in_another_account_or_type(shop: Shop) -> None:
    for account, kind in (("1", "conversion"), ("2", "conversion"), ("1", "booking")):
        given = shop.producer.enqueue("event-api", account=account, event={"eventType": kind}, id="mine")
        assert given.fate is Fate.BUFFERED
    assert len(shop.taken("event-api")) == 3


def test_what_lies_in_redis_is_what_the_fake_recorded(redis_server: EmbeddedRedis, prefix: str) -> None:
    """The same lines on both: every event of the documents' cases, and some that are brought into form."""
    time = rfc3339(now_ms())
    lines = [line(to, f"{to}-{n}", **({} if to == "audience" else {"eventTime": time})) for to in GOOD for n in (1, 2)]
    lines += [line("audience", "x", email=" B@Example.com "), line("server-events", "y", eventTime=time, metadata=[])]
    fake, real = fake_shop(), redis_shop(redis_server, prefix)
    results = [each.producer.enqueue_many(lines) for each in (fake, real)]
    assert results[0] == results[1]
    for to in GOOD:
        assert fake.taken(to) == real.taken(to)
        assert fake.taken(to)
    real.producer.close()


@pytest.mark.parametrize("destination", sorted(GOOD))
def test_an_account_of_a_kind_of_text_of_its_own_is_that_text(opened: Opened, destination: str) -> None:
    shop = opened()
    shop.producer.enqueue(destination, account=Marked("7"), event=GOOD[destination])
    (first,) = shop.taken(destination, "7")
    assert type(first.account) is str
    line = {"destination": destination, "account": Marked("8"), "event": GOOD[destination]}
    assert [each.error for each in shop.producer.enqueue_many([line, line])] == [None, None]
    assert len(shop.taken(destination, "8")) == 2
