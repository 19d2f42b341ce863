"""The Django example's two checkouts through the test client, on a real Redis and SQLite."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Taken
from tests.web.orders import ORDER

both = pytest.mark.parametrize("path", ["/orders", "/quick-orders"])


def post(shop: Any, path: str, **order: Any) -> Any:
    return shop.post(path, ORDER | order, content_type="application/json")


def orders() -> int:
    from django.apps import apps

    count: int = apps.get_model("shop", "Order").objects.count()
    return count


def waiting() -> list[Any]:
    from producers.contrib.django.models import OutboxEvent

    return list(OutboxEvent.objects.order_by("pk"))


@both
def test_an_order_is_an_event_in_redis(shop: Any, taken: Taken, path: str) -> None:
    answer = post(shop, path)
    assert (answer.status_code, answer.json()) == (201, {"event": "order-A-1"})
    (event,) = taken()
    assert event.id == "order-A-1"
    assert {"name": "email", "value": "customer@example.com"} in event.event["objectData"]
    assert (orders(), waiting()) == (1, [])


@both
@pytest.mark.parametrize("wrong", [{"email": "\0" * 70_000}, {"number": "n" * 31}, {"amount": "much"}, {"email": 5}])
def test_a_wrong_order_is_refused_and_leaves_no_trace(shop: Any, taken: Taken, path: str, wrong: Any) -> None:
    """The event is checked inside the transaction, which rolls back."""
    assert post(shop, path, **wrong).status_code in (400, 422)
    assert (orders(), waiting(), taken()) == (0, [], [])


@both
def test_a_transaction_that_is_rolled_back_sends_nothing(shop: Any, taken: Taken, path: str) -> None:
    from django.db import transaction

    with transaction.atomic():
        assert post(shop, path).status_code == 201
        assert taken() == []
        transaction.set_rollback(True)
    assert (orders(), waiting(), taken()) == (0, [], [])


@both
def test_the_time_is_that_of_the_order_and_not_of_the_commit(shop: Any, taken: Taken, path: str) -> None:
    from django.db import transaction

    from producers.clock import now_ms, rfc3339

    with transaction.atomic():
        post(shop, path)
        ordered = now_ms()
        while now_ms() <= ordered:
            pass
    assert taken()[0].event["eventTime"] <= rfc3339(ordered)


@both
def test_a_double_click_is_one_event(shop: Any, taken: Taken, path: str) -> None:
    assert [post(shop, path).status_code for _ in range(2)] == [201, 201]
    assert len(taken()) == 1
    assert waiting() == []


@both
@pytest.mark.timeout(20)
@pytest.mark.usefixtures("redis_away")
def test_an_order_is_taken_without_redis(shop: Any, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """The log says what became of the event, and nothing of the customer."""
    assert post(shop, path).status_code == 201
    assert "order-A-1" in caplog.text
    assert "customer" not in caplog.text
    assert len(waiting()) == (1 if path == "/orders" else 0)


@pytest.mark.usefixtures("redis_away", "shop")
def test_an_event_that_fails_breaks_nothing_else_that_follows_the_commit() -> None:
    from django.db import transaction

    from producers.contrib.django import enqueue_in_outbox, enqueue_on_commit

    done = []
    with transaction.atomic():
        for enqueue in (enqueue_in_outbox, enqueue_on_commit):
            enqueue("event-api", account="1", event={"eventType": "conversion"})
        transaction.on_commit(lambda: done.append("mail"))
    assert done == ["mail"]


@pytest.mark.usefixtures("shop")
def test_outside_of_a_transaction_an_event_leaves_at_once(taken: Taken) -> None:
    from producers.contrib.django import enqueue_in_outbox, enqueue_on_commit

    for enqueue in (enqueue_in_outbox, enqueue_on_commit):
        enqueue("event-api", account="1", event={"eventType": "conversion"}, id=enqueue.__name__)
    assert [each.id for each in taken()] == ["enqueue_in_outbox", "enqueue_on_commit"]


@pytest.mark.usefixtures("shop")
def test_a_setting_that_cannot_be_used_is_told_by_the_check() -> None:
    from django.core.management import CommandError, call_command
    from django.test import override_settings

    call_command("check")
    with (
        override_settings(ROKT_FORWARDER={"REDIS_URL": "http://nowhere"}),
        pytest.raises(CommandError, match="FORWARDER_REDIS_URL"),
    ):
        call_command("check")


def test_the_consent_of_the_settings_is_asked_and_nothing_of_the_event_is_written(shop: Any, taken: Taken) -> None:
    from django.conf import settings
    from django.test import override_settings

    with override_settings(ROKT_FORWARDER={**settings.ROKT_FORWARDER, "CONSENT": lambda *_: False}):
        for path in ("/orders", "/quick-orders"):
            assert post(shop, path).status_code == 201
    assert (orders(), waiting(), taken()) == (1, [], [])


def test_a_shops_own_test_sees_what_a_request_sent(shop: Any, rokt_producer: Any) -> None:
    post(shop, "/orders")
    assert rokt_producer.only("event-api", "12345").id == "order-A-1"


@pytest.mark.usefixtures("redis_away")
def test_the_admin_shows_nothing_of_the_customer_and_changes_nothing(shop: Any) -> None:
    from django.contrib.auth.models import User

    post(shop, "/orders")
    (row,) = waiting()
    assert "customer" in row.event
    shop.force_login(User.objects.create_superuser("operator"))
    pages = [f"/admin/rokt_forwarder/outboxevent/{page}" for page in ("", f"{row.pk}/change/")]
    answers = [shop.get(page) for page in pages]
    assert [each.status_code for each in answers] == [200, 200]
    assert all("order-A-1" in each.text and "customer" not in each.text for each in answers)
    for page in ("add/", f"{row.pk}/delete/"):
        assert shop.post(f"/admin/rokt_forwarder/outboxevent/{page}", {"post": "yes"}).status_code == 403
    assert shop.post(pages[1], {"account": "2"}).status_code == 403
    assert waiting()[0].account == "12345"


def test_the_migration_is_that_of_the_model(shop: Any) -> None:
    from django.core.management import call_command

    assert shop
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
