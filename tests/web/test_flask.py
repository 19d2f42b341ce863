"""The Flask example on a real Redis, and what the extension promises beside it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from flask import Flask

from ops.examples.flask.app import create_app
from producers import ConfigurationError
from producers.contrib.flask import RoktForwarder, current_producer
from producers.contrib.process_wide import ProcessWide
from producers.testing import FakeProducer
from tests.unit.imports import ROOT
from tests.web.conftest import NOWHERE, Taken
from tests.web.orders import ORDER

SOLD = {"eventType": "conversion"}


def test_an_order_is_an_event_in_redis(variables: dict[str, str], taken: Taken) -> None:
    answer = create_app(**variables).test_client().post("/orders", json=ORDER)
    assert (answer.status_code, answer.json) == (201, {"event": "order-A-1", "fate": "buffered"})
    assert [each.id for each in taken()] == ["order-A-1"]


def test_a_double_click_is_told_as_a_duplicate(variables: dict[str, str], taken: Taken) -> None:
    client = create_app(**variables).test_client()
    assert [(client.post("/orders", json=ORDER).json or {})["fate"] for _ in range(2)] == ["buffered", "duplicate"]
    assert len(taken()) == 1


@pytest.mark.parametrize("wrong", [{"amount": "much"}, {"number": "n" * 31}, {"number": None}, {"email": 5}])
def test_a_wrong_order_is_refused(variables: dict[str, str], taken: Taken, wrong: dict[str, object]) -> None:
    answer = create_app(**variables).test_client().post("/orders", json=ORDER | wrong)
    assert answer.status_code in (400, 422)
    assert not taken()


@pytest.mark.timeout(20)
def test_an_order_is_taken_without_redis() -> None:
    answer = create_app(FORWARDER_REDIS_URL=NOWHERE).test_client().post("/orders", json=ORDER)
    assert (answer.status_code, answer.json) == (201, {"event": "order-A-1", "fate": "not accepted"})


def test_the_apps_settings_win_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], taken: Taken
) -> None:
    for name, value in {**variables, "FORWARDER_REDIS_URL": NOWHERE, "FORWARDER_EVENT_API_MAX_BYTES": "5000"}.items():
        monkeypatch.setenv(name, value)
    app = create_app(FORWARDER_REDIS_URL=variables["FORWARDER_REDIS_URL"], FORWARDER_KEY_PREFIX=None)
    assert app.test_client().post("/orders", json=ORDER).status_code == 201
    assert len(taken()) == 1
    assert app.test_client().post("/orders", json=ORDER | {"email": "a" * 6000}).status_code == 422


def test_a_wrong_setting_is_told_by_its_name() -> None:
    app = create_app(FORWARDER_SHARDS=0)
    with app.app_context(), pytest.raises(ConfigurationError, match="FORWARDER_SHARDS"):
        current_producer.check({})


def test_an_app_without_the_extension_says_what_is_missing() -> None:
    with Flask(__name__).app_context(), pytest.raises(ConfigurationError, match="RoktForwarder"):
        current_producer.check({})


def test_each_app_has_a_producer_of_its_own_and_its_consent(rokt_producer: FakeProducer) -> None:
    app = Flask(__name__)
    RoktForwarder(app, consent=lambda *_: False)
    with app.app_context():
        assert current_producer.enqueue("event-api", account="1", event=SOLD).withheld
    assert rokt_producer.withheld == 1


def test_a_forked_process_has_a_producer_of_its_own(variables: dict[str, str], taken: Taken) -> None:
    """As with a server that loads the app, uses it, and then forks its workers."""
    program = [sys.executable, "-m", "tests.web.forks_after_use"]
    subprocess.run(program, cwd=ROOT, env={**os.environ, **variables}, check=True)
    assert [each.id for each in taken()] == ["order-parent", "order-child", "order-parent-again"]


def test_what_a_process_made_is_closed_once_and_made_anew_when_it_is_needed() -> None:
    closed: list[str] = []

    class Closing(FakeProducer):
        def close(self) -> None:
            closed.append("closed")

    kept = ProcessWide(Closing)
    first = kept.get()
    assert kept.get() is first
    kept.close()
    kept.close()
    assert closed == ["closed"]
    assert kept.get() is not first
