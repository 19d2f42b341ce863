"""The FastAPI example on a real Redis, and what the helper promises beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from ops.examples.fastapi.app import app
from producers import ConfigurationError
from producers.asynchronous import AsyncProducer
from producers.contrib.fastapi import Rokt, rokt_lifespan
from producers.testing import FakeProducer
from tests.web.conftest import NOWHERE, Taken
from tests.web.orders import ORDER

SOLD = {"eventType": "conversion"}


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("configured")
def test_an_order_is_an_event_in_redis(taken: Taken) -> None:
    with TestClient(app) as client:
        answer = client.post("/orders", json=ORDER)
    assert (answer.status_code, answer.json()) == (201, {"event": "order-A-1", "fate": "buffered"})
    (event,) = taken()
    assert {"name": "email", "value": "customer@example.com"} in event.event["objectData"]


@pytest.mark.usefixtures("configured")
def test_a_double_click_is_told_as_a_duplicate(taken: Taken) -> None:
    with TestClient(app) as client:
        answers = [client.post("/orders", json=ORDER).json()["fate"] for _ in range(2)]
    assert answers == ["buffered", "duplicate"]
    assert len(taken()) == 1


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    "wrong", [{"amount": "much"}, {"number": "n" * 31}, {"amount": "NaN"}, {"email": "\0" * 70_000}]
)
def test_a_wrong_order_is_refused(taken: Taken, wrong: dict[str, str]) -> None:
    with TestClient(app) as client:
        assert client.post("/orders", json=ORDER | wrong).status_code == 422
    assert not taken()


@pytest.mark.timeout(20)
def test_an_order_is_taken_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDER_REDIS_URL", NOWHERE)
    with TestClient(app) as client:
        answer = client.post("/orders", json=ORDER)
    assert (answer.status_code, answer.json()) == (201, {"event": "order-A-1", "fate": "not accepted"})


def test_the_producer_is_open_for_as_long_as_the_apps_own_lifespan() -> None:
    """It may enqueue until its end; its state is kept; mounted apps share the producer."""
    fake = FakeProducer()
    closed: list[str] = []
    producer = fake.asynchronous()

    @asynccontextmanager
    async def own(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"stock": 7}
        closed.append(await producer.enqueue("event-api", account="1", event=SOLD, id="end"))

    made, mounted = FastAPI(lifespan=rokt_lifespan(own, make=lambda: producer)), FastAPI()
    made.mount("/deep", mounted)
    mounted.add_api_route("/sell", _sell, methods=["POST"])
    with TestClient(made) as client:
        assert client.post("/deep/sell").json() == "sold"
        assert client.app_state["stock"] == 7
    assert [each.id for each in fake.events] == ["sold", "end"]
    assert closed == ["end"]


async def _sell(rokt: Rokt) -> str:
    return await rokt.enqueue("event-api", account="1", event=SOLD, id="sold")


def test_an_app_without_the_lifespan_says_what_is_missing() -> None:
    bare = FastAPI()
    bare.add_api_route("/sell", _sell, methods=["POST"])
    with pytest.raises(ConfigurationError, match="rokt_lifespan"):
        TestClient(bare).post("/sell")


def test_a_shops_own_test_sees_what_a_request_sent(rokt_producer: FakeProducer) -> None:
    with TestClient(app) as client:
        client.post("/orders", json=ORDER)
        with rokt_producer.fails("away", maybe_accepted=True):
            assert client.post("/orders", json=ORDER).json()["fate"] == "maybe accepted"
        assert client.post("/orders", json=ORDER).json()["fate"] == "duplicate"
    assert rokt_producer.only("event-api", "12345").id == "order-A-1"


def test_the_producer_of_the_app_is_an_ordinary_one() -> None:
    with TestClient(app) as client:
        assert isinstance(client.app_state["rokt_producer"], AsyncProducer)
