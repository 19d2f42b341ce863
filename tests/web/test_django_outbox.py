"""What waits in the outbox is sent in its order, once it can be, whoever was killed before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from producers.session import impression
from tests.integration.support import eventually
from tests.unit.imports import ROOT
from tests.web.conftest import DJANGO, Taken
from tests.web.test_django import waiting

DIES = Path(__file__).with_name("dies_after_commit.py")
SOLD = {"eventType": "conversion"}
SIGNAL = impression(session="s", parent="p", transaction="t")


@pytest.fixture
def without_redis(shop: Any, prefix: str) -> Callable[..., None]:
    """Enqueues events while Redis is away: `without_redis("a", "b")`."""
    from django.test import override_settings

    from producers.contrib.django import enqueue_in_outbox

    def enqueued(*ids: str, to: str = "event-api", event: Any = SOLD) -> None:
        with override_settings(ROKT_FORWARDER={"REDIS_URL": "redis://127.0.0.1:1", "KEY_PREFIX": prefix}):
            for each in ids:
                enqueue_in_outbox(to, account="1", event=event, id=each)

    assert shop
    return enqueued


def flushed(*arguments: str) -> str:
    from django.core.management import call_command

    out = StringIO()
    call_command("forwarder_outbox", *arguments, stdout=out)
    return out.getvalue().strip()


def refused(*arguments: str) -> str:
    from django.core.management import CommandError

    with pytest.raises(CommandError) as left:
        flushed(*arguments)
    return str(left.value)


def test_what_redis_did_not_take_waits_and_is_sent_in_its_order(without_redis: Any, taken: Taken) -> None:
    without_redis(*"abc")
    assert [(row.event_id, row.attempts) for row in waiting()] == [("a", 1), ("b", 1), ("c", 1)]
    assert "Redis cannot be reached" in waiting()[0].last_error
    times = [row.made_at for row in waiting()]
    assert flushed() == "3 accepted"
    assert [each.id for each in taken()] == ["a", "b", "c"]
    assert waiting() == []
    from producers.clock import rfc3339

    assert [each.event["eventTime"] for each in taken()] == [rfc3339(time) for time in times]


def test_more_than_one_chunk_is_sent(without_redis: Any, taken: Taken) -> None:
    from producers.contrib.django import flushing

    without_redis(*"abcde")
    assert [each.accepted for each in flushing.flush("default", chunk=2)] == [2, 2, 1]
    assert [each.id for each in taken()] == list("abcde")


@pytest.mark.usefixtures("redis_away")
def test_without_redis_everything_stays_and_the_command_says_so(without_redis: Any) -> None:
    without_redis("a", "b")
    assert "2 not accepted now: Redis cannot be reached" in refused()
    assert [row.attempts for row in waiting()] == [2, 2]


def test_an_event_waits_for_the_older_ones_of_its_session(without_redis: Any, taken: Taken) -> None:
    from producers.contrib.django import enqueue_in_outbox

    without_redis("s1", to="server-events", event=SIGNAL)
    enqueue_in_outbox("server-events", account="1", event=SIGNAL, id="s2")
    enqueue_in_outbox("server-events", account="1", event={**SIGNAL, "sessionId": "z"}, id="z1")
    assert [each.id for each in taken("server-events")] == ["z1"]
    assert flushed() == "2 accepted"
    assert [each.id for each in taken("server-events")] == ["z1", "s1", "s2"]


def test_what_can_never_be_sent_stays_with_its_reason_and_hinders_nobody(without_redis: Any, taken: Taken) -> None:
    without_redis("a", "b", "c", "d")
    from producers.contrib.django.models import OutboxEvent

    for each, event in (("b", '{"eventType": ""}'), ("c", '{"eventType"')):
        OutboxEvent.objects.filter(event_id=each).update(event=event)
    said = refused()
    assert "event-api b: event.eventType" in said
    assert "event-api c: event: is not JSON" in said
    assert "2 refused" in said
    assert [each.id for each in taken()] == ["a", "d"]
    assert [(row.event_id, row.refused, row.attempts) for row in waiting()] == [("b", True, 2), ("c", True, 2)]
    refused()
    assert waiting()[0].attempts == 2, "it is not tried again by itself"
    OutboxEvent.objects.update(event='{"eventType": "conversion"}')
    assert flushed("--again") == "2 accepted"


def test_a_consent_callback_that_fails_holds_back_its_session_alone(without_redis: Any, taken: Taken) -> None:
    from django.conf import settings
    from django.test import override_settings

    def asked(_to: str, _account: str, event: Any) -> bool:
        return bool(event["clientUniqueId"] == "t" or 1 / 0)

    without_redis("s1", to="server-events", event={**SIGNAL, "clientUniqueId": "odd"})
    without_redis("s2", to="server-events", event=SIGNAL)
    without_redis("z1", to="server-events", event={**SIGNAL, "sessionId": "z"})
    with override_settings(ROKT_FORWARDER={**settings.ROKT_FORWARDER, "CONSENT": asked}):
        assert refused() == "2 not accepted now"
    assert [each.id for each in taken("server-events")] == ["z1"]
    assert [row.event_id for row in waiting()] == ["s1", "s2"]


def test_what_was_sent_before_its_row_was_deleted_is_not_sent_twice(without_redis: Any, taken: Taken) -> None:
    from producers.contrib.django import flushing
    from producers.contrib.django.models import OutboxEvent

    without_redis("a")
    (row,) = waiting()
    flushing.flush_one(row)
    OutboxEvent.objects.bulk_create([row])
    assert flushed() == "1 accepted"
    assert len(taken()) == 1


def child_env(database: Path, variables: dict[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        **variables,
        "SHOP_DATABASE": str(database),
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "PYTHONPATH": os.pathsep.join(map(str, (DJANGO, ROOT))),
    }


def _is_taken(taken: Taken, id_: str) -> bool:
    return id_ in [each.id for each in taken()]


@pytest.mark.usefixtures("shop")
def test_a_process_that_is_killed_after_the_commit_loses_nothing_in_the_outbox(
    shop_database: Path, variables: dict[str, str], taken: Taken
) -> None:
    """What was only to be sent on commit is lost with it, as the documentation says."""
    env = child_env(shop_database, variables)
    died = subprocess.run([sys.executable, str(DIES)], env=env, check=False)
    assert died.returncode == 9
    assert taken() == []
    command = [sys.executable, str(DJANGO / "manage.py"), "forwarder_outbox"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "3 accepted"), done.stderr
    assert [each.id for each in taken()] == [f"enqueue_in_outbox-{number}" for number in range(3)]


def test_the_watching_command_sends_what_comes_and_ends_when_it_is_asked_to(
    shop_database: Path, variables: dict[str, str], without_redis: Any, taken: Taken
) -> None:
    command = [sys.executable, str(DJANGO / "manage.py"), "forwarder_outbox", "--watch", "0.1"]
    with subprocess.Popen(command, env=child_env(shop_database, variables)) as watching:
        try:
            for each in ("a", "b"):
                without_redis(each)
                eventually(partial(_is_taken, taken, each))
            watching.send_signal(signal.SIGTERM)
            assert watching.wait(10) == 0
        finally:
            watching.kill()
