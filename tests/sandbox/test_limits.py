"""Each limit of the Event API: exactly at it is accepted, one more is refused with the field's path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from worker.sandbox.app import create_app
from worker.sandbox.server import running

from .conftest import Client
from .samples import HEADERS, PATH, encode, event, payload, utc_text

NOW = datetime(2026, 8, 31, 12, 0, 0, tzinfo=UTC)
OLDEST = datetime(2025, 2, 28, 12, 0, 0, tzinfo=UTC)  # 18 calendar months earlier, where February has 28 days
TICK = timedelta(microseconds=1)


def entry(name: str = "n", value: str = "v") -> dict[str, str]:
    return {"name": name, "value": value}


LIMITS: list[tuple[str, int, Callable[[int], Any]]] = [
    ("accountId", 64, lambda n: payload(event(), account="a" * n)),
    ("events", 100, lambda n: payload(*[event()] * n)),
    ("events[0].clientEventId", 36, lambda n: payload(event("i" * n))),
    ("events[0].eventType", 128, lambda n: payload(event(eventType="t" * n))),
    ("events[0].metaData", 100, lambda n: payload(event(metaData=[entry()] * n))),
    ("events[0].objectData", 100, lambda n: payload(event(objectData=[entry()] * n))),
    ("events[0].metaData[0].name", 256, lambda n: payload(event(metaData=[entry("n" * n)]))),
    ("events[0].metaData[0].value", 65_536, lambda n: payload(event(metaData=[entry(value="v" * n)]))),
    ("events[0].objectData[0].name", 256, lambda n: payload(event(objectData=[entry("é" * n)]))),
    ("events[0].objectData[0].value", 65_536, lambda n: payload(event(objectData=[entry(value="é" * n)]))),
]


def refused_at(answer: httpx.Response, path: str) -> bool:
    data = answer.json()["data"]
    named = data["message"].startswith(f"{path}:")
    return answer.status_code == 400 and data["code"] == "RequestValidationError" and named


@pytest.mark.parametrize(("path", "limit", "body"), LIMITS, ids=[path for path, _, _ in LIMITS])
def test_exactly_at_the_limit_is_accepted_and_one_more_is_not(
    sandbox: Client, path: str, limit: int, body: Any
) -> None:
    assert sandbox.post(body(limit)).status_code == 200
    assert refused_at(sandbox.post(body(limit + 1)), path)


@pytest.mark.parametrize("path", [path for path, _, _ in LIMITS[:4]] + ["events[0].objectData[0].name"])
def test_what_identifies_or_names_must_not_be_empty(sandbox: Client, path: str) -> None:
    body = next(body for limit_path, _, body in LIMITS if limit_path == path)
    assert refused_at(sandbox.post(body(0)), path)


def test_a_value_and_the_lists_may_be_empty_or_missing(sandbox: Client) -> None:
    bare = event("b")
    del bare["objectData"]
    assert sandbox.post(payload(event("a", objectData=[entry(value="")], metaData=[]), bare)).status_code == 200


@pytest.mark.parametrize("field", ["clientEventId", "eventType", "eventTime"])
@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, ["x"], ...])
def test_the_fields_of_an_event_are_required_strings(sandbox: Client, field: str, value: Any) -> None:
    wrong = event(**{field: value})
    if value is ...:
        del wrong[field]
    assert refused_at(sandbox.post(payload(event("good"), wrong)), f"events[1].{field}")


@pytest.mark.parametrize("field", ["name", "value"])
@pytest.mark.parametrize("wrong", [None, 1, True, [], {}, ...])
@pytest.mark.parametrize("key", ["metaData", "objectData"])
def test_the_fields_of_an_entry_are_required_strings(sandbox: Client, key: str, field: str, wrong: Any) -> None:
    bad: dict[str, Any] = {**entry(), field: wrong}
    if wrong is ...:
        del bad[field]
    assert refused_at(sandbox.post(payload(event(**{key: [entry(), bad]}))), f"events[0].{key}[1].{field}")


@pytest.mark.parametrize("wrong", [None, 1, "x", {}, True])
def test_lists_must_be_lists(sandbox: Client, wrong: Any) -> None:
    assert refused_at(sandbox.post({"accountId": "1", "events": wrong}), "events")
    for key in ("metaData", "objectData"):
        assert refused_at(sandbox.post(payload(event(**{key: wrong}))), f"events[0].{key}")


@pytest.mark.parametrize("wrong", [None, 1, "x", [], True])
def test_items_must_be_objects(sandbox: Client, wrong: Any) -> None:
    assert refused_at(sandbox.post(payload(event(), wrong)), "events[1]")
    assert refused_at(sandbox.post(payload(event(objectData=[wrong]))), "events[0].objectData[0]")


@pytest.mark.parametrize("account", [None, 1, 12345, [], {}])
def test_the_account_id_is_a_required_string(sandbox: Client, account: Any) -> None:
    assert refused_at(sandbox.post(payload(event(), account=account)), "accountId")
    assert refused_at(sandbox.post({"events": [event()]}), "accountId")


@pytest.mark.parametrize("key", ["metaData", "objectData"])
@pytest.mark.parametrize("name", ["rokt.", "rokt.x", "ROKT.x", "rOkT.x"])
def test_the_reserved_prefix_is_refused_in_any_case(sandbox: Client, key: str, name: str) -> None:
    assert refused_at(sandbox.post(payload(event(**{key: [entry(name)]}))), f"events[0].{key}[0].name")


@pytest.mark.parametrize("name", ["rokt", "roktx", "x.rokt.", " rokt.x"])
def test_only_the_reserved_prefix_is_refused(sandbox: Client, name: str) -> None:
    assert sandbox.post(payload(event(objectData=[entry(name)]))).status_code == 200


@pytest.fixture
async def at_noon() -> AsyncIterator[httpx.AsyncClient]:
    """A sandbox whose clock stands still at `NOW`, and which takes bodies of at most 1,000 bytes."""
    app = create_app(now=lambda: NOW, max_body_bytes=1_000)
    async with running(app) as server, httpx.AsyncClient(base_url=server.url, headers=HEADERS) as client:
        yield client


async def post_time(client: httpx.AsyncClient, text: str) -> httpx.Response:
    return await client.post(PATH, content=encode(payload(event(eventTime=text))))


@pytest.mark.parametrize("moment", [OLDEST, NOW, NOW + timedelta(minutes=5)])
async def test_the_ends_of_the_time_window_are_inside(at_noon: httpx.AsyncClient, moment: datetime) -> None:
    assert (await post_time(at_noon, utc_text(moment))).status_code == 200


@pytest.mark.parametrize("moment", [OLDEST - TICK, NOW + timedelta(minutes=5) + TICK])
async def test_beyond_the_time_window_the_whole_request_is_refused(
    at_noon: httpx.AsyncClient, moment: datetime
) -> None:
    assert refused_at(await post_time(at_noon, utc_text(moment)), "events[0].eventTime")


async def test_a_body_at_the_byte_limit_is_read_and_one_more_byte_is_413(at_noon: httpx.AsyncClient) -> None:
    body = encode(payload(event(eventTime=utc_text(NOW)))).ljust(1_000)
    assert (await at_noon.post(PATH, content=body)).status_code == 200
    answer = await at_noon.post(PATH, content=body + b" ")
    assert (answer.status_code, answer.json()["data"]["code"]) == (413, "RequestEntityTooLarge")


async def test_the_byte_limit_holds_without_a_content_length(at_noon: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 100

    assert (await at_noon.post(PATH, content=chunks())).status_code == 413


def test_the_byte_limit_is_one_megabyte_by_default(sandbox: Client) -> None:
    body = encode(payload(event()))
    assert sandbox.post(body.ljust(1_000_000)).status_code == 200
    assert sandbox.post(body.ljust(1_000_001)).status_code == 413
    assert sandbox.send("after").status_code == 200
