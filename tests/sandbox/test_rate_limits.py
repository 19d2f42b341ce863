"""Limits of rate and concurrency: off at first, then for each account alone."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.limits import Limits

from .audience import HEADERS, PATH, import_of, post
from .conftest import Client
from .samples import ACCOUNT, encode

FOUR = {"audience": {"per_second": 4, "concurrency": 4}}


def limit(sandbox: Client, value: Any) -> httpx.Response:
    return sandbox.http.put("/_sandbox/limits", content=encode(value))


def test_there_is_no_limit_at_first(sandbox: Client) -> None:
    assert sandbox.ask("limits") == {}
    assert [post(sandbox, import_of()).status_code for _ in range(8)] == [201] * 8


def test_above_the_rate_a_request_is_429_and_takes_nothing_in(sandbox: Client) -> None:
    assert limit(sandbox, FOUR).json() == FOUR
    answers = [post(sandbox, import_of(f"a{number}@example.com")) for number in range(6)]
    assert [answer.status_code for answer in answers] == [201] * 4 + [429] * 2
    assert answers[-1].text == "Too Many Requests"
    assert sandbox.ask("summary")["events"]["accepted"] == 4
    assert post(sandbox, import_of(accountId="other")).status_code == 201


def test_a_limit_of_one_api_is_not_felt_by_another(sandbox: Client) -> None:
    limit(sandbox, {"audience": {"per_second": 1}})
    assert [sandbox.send(str(number)).status_code for number in range(3)] == [200] * 3
    limit(sandbox, {"event-api": {"per_second": 1}})
    assert [sandbox.send(str(number)).status_code for number in range(2)] == [200, 429]
    assert sandbox.send("a").json()["data"]["code"] == "TooManyRequests"


async def test_above_the_concurrency_a_request_is_429(sandbox: Client, http: httpx.AsyncClient) -> None:
    limit(sandbox, {"audience": {"concurrency": 4}})
    sandbox.rules({"hang": True, "times": 4})
    hanging = [asyncio.create_task(import_async(http)) for _ in range(4)]
    await http.get("/_sandbox/wait", params={"requests": 4})
    assert (await import_async(http)).status_code == 429
    assert (await import_async(http, account="other")).status_code == 201
    for task in hanging:
        task.cancel()
    await asyncio.wait(hanging)
    while sandbox.ask("summary")["requests"]["in_flight"]:
        await asyncio.sleep(0)
    assert (await import_async(http)).status_code == 201


async def import_async(http: httpx.AsyncClient, account: str = ACCOUNT) -> httpx.Response:
    return await http.post(PATH, content=encode(import_of(accountId=account)), headers=HEADERS)


def test_limits_stay_over_a_reset_but_what_was_counted_does_not(sandbox: Client) -> None:
    limit(sandbox, {"audience": {"per_second": 1}})
    for _ in range(2):
        assert post(sandbox, import_of()).status_code == 201
        sandbox.http.post("/_sandbox/reset")
    assert sandbox.ask("limits") == {"audience": {"per_second": 1, "concurrency": None}}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        1,
        {"audiense": {}},
        {"audience": 4},
        {"audience": {"per_secnd": 4}},
        {"audience": {"per_second": 0}},
        {"audience": {"per_second": True}},
        {"audience": {"concurrency": 1.5}},
        {"audience": {"concurrency": 100_001}},
    ],
)
def test_a_wrong_limit_is_refused_and_the_old_ones_stay(sandbox: Client, value: Any) -> None:
    limit(sandbox, FOUR)
    answer = limit(sandbox, value)
    assert (answer.status_code, answer.json()["data"]["code"]) == (400, "InvalidLimits")
    assert sandbox.ask("limits") == FOUR


def let_in(limits: Limits, arrived: float) -> bool:
    with limits.enter("audience", ACCOUNT, arrived) as within:
        return within


def limits_of(**limit: int) -> Limits:
    limits = Limits(["audience"])
    limits.replace({"audience": {**limit}})
    return limits


def test_the_second_slides() -> None:
    limits = limits_of(per_second=2)
    moments = [0.0, 0.875, 0.99, 1.0, 1.5, 1.875, 2.0, 2.0]
    assert [let_in(limits, moment) for moment in moments] == [True, True, False, True, False, True, True, False]


def test_a_request_that_took_long_to_arrive_counts_from_its_start() -> None:
    limits = limits_of(per_second=2)
    assert [let_in(limits, moment) for moment in (5.0, 5.9, 5.5, 4.95, 4.85)] == [True, True, False, False, True]


@given(st.lists(st.floats(0, 5), max_size=40), st.integers(1, 4))
def test_no_second_ever_holds_more_than_the_limit(moments: list[float], most: int) -> None:
    limits = limits_of(per_second=most)
    admitted = sorted(moment for moment in moments if let_in(limits, moment))
    assert all(last - first >= 1 for first, last in zip(admitted, admitted[most:], strict=False))
