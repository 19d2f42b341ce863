"""What nobody means: times beyond reckoning, numbers of thousands of digits, JSON of a hundred thousand levels."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from producers.clock import now_ms
from producers.settings import buffer_settings
from tests.console.conftest import Bury
from tests.console.support import Browser, Console, Parsed
from worker.connection.client import with_redis
from worker.dead_letters import Filter
from worker.dead_letters.asked import EARLIEST, LATEST, duration, moment
from worker.replay import Replays
from worker.replay.record import record_key

DIGITS = "9" * 5_000
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/dead-letters?expires=999999999w", 400),
        ("/dead-letters?since=999999d", 400),
        ("/dead-letters?until=0001-01-01T00:00:00Z", 200),
        ("/dead-letters?since=9999-12-31T23:59:59Z", 200),
        ("/dead-letters/replay?since=999999d", 400),
        (f"/dead-letters?attempts={DIGITS}", 400),
        (f"/audit?limit={DIGITS}", 200),
        ("/audit?limit=0", 200),
        (f"/dead-letters/event-api/{DIGITS}/1", 404),
        (f"/dead-letters/event-api/0/{DIGITS}", 404),
    ],
)
def test_an_address_beyond_reckoning_is_answered_in_words(browser: Browser, address: str, status: int) -> None:
    assert browser.get(address).status_code == status


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("/dead-letters/discard", {"filter": DEEP}),
        ("/dead-letters/replay", {"filter": DEEP}),
        ("/dead-letters/replay", {"filter": f'{{"since": {DIGITS}}}'}),
        ("/accounts/pause", {"destination": "event-api", "account": DEEP}),
    ],
)
def test_a_form_beyond_reckoning_is_answered_in_words(browser: Browser, address: str, fields: dict[str, str]) -> None:
    assert browser.act(address, fields).status_code == 400


def test_an_age_is_at_most_a_hundred_years_and_a_time_one_that_can_be_spelled() -> None:
    assert duration("36500d") == 36_500 * 86_400_000
    for text in ("36501d", "999999999w", "999999d"):
        with pytest.raises(ValueError, match="at most 36500d"):
            duration(text)
        with pytest.raises(ValueError, match="at most 36500d"):
            moment(text, now_ms())
    assert (moment("0001-01-01T00:00:00Z", 0), moment("9999-01-01T00:00:00Z", 0)) == (EARLIEST, LATEST)
    given = '{"since": -86400000000000000, "expires_before": 999999999999999999999999}'
    assert Filter.from_json(given) == Filter(since=EARLIEST, expires_before=LATEST)


def test_a_replay_that_was_begun_with_such_a_time_is_shown(console: Console, browser: Browser, buried: Bury) -> None:
    """Also beside ids and a text, which are told as a number and as yes: they are no times."""
    buried("beyond", account="beyond")
    buffer = buffer_settings(console.env)

    async def begin(redis: Any) -> str:
        replay = await Replays(redis, buffer).start(Filter(account="beyond"), by="op")
        assert replay
        told = json.dumps({"since": -(10**18), "ids": 3, "text": True})
        for slot in await Replays(redis, buffer).slots_of(replay):
            await redis.hset(record_key(slot, replay), "told", told)
        await Replays(redis, buffer).pause(replay)
        return replay

    replay = asyncio.run(with_redis(buffer.redis_url, begin))
    assert replay in browser.page("/replays").text
    assert "1970" not in Parsed(browser.get(f"/replays/{replay}").text).text
