"""Finding letters by every filter there is: what comes is what reading all of them would give, in that order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from producers.clock import DAY_MS, Window
from producers.destinations import DESTINATIONS
from producers.settings import BufferSettings
from tests.buffer.invariants import check
from tests.buffer.picture import take_picture
from tests.support.letters import fill, made
from worker.dead_letters import Cursor, Filter, Letter, choosing, indexes
from worker.dead_letters.expiry import first_expiring
from worker.dead_letters.finding import Finder

HOUR_MS = 3_600_000
NOW = 1_800_000_000_000
COUNT = 300
NAMES = ("event-api", "server-events", "audience", "intake")
ACCOUNTS = ("a", "b", "ü:{c}", "1:a", "")
CODES = ("X", "Y", "ab", "")


@dataclass
class Stock:
    """The letters that lie in Redis, as they were found by their ids."""

    finder: Finder
    redis: Redis
    letters: list[Letter]

    def wanted(self, chosen: Filter, oldest_first: bool = False) -> list[Letter]:
        taken = [letter for letter in self.letters if chosen.takes(letter)]
        way = 1 if oldest_first else -1
        return sorted(
            taken,
            key=lambda each: (way * each.died_at, way * int(each.number), each.slot.destination, each.slot.shard),
        )

    async def found(self, chosen: Filter, **how: Any) -> list[Letter]:
        return [letter async for letter in self.finder.find(chosen, **how)]


def some_letters(buffer: BufferSettings, count: int) -> list[Letter]:
    """Of all kinds; many of them died in one moment."""
    dice, letters = Random(7), []
    for number in range(count):
        to = dice.choice(NAMES)
        died_at = NOW - dice.choice([0, 1, 2, 500, dice.randrange(4 * HOUR_MS)])
        age = dice.choice([0, 1, HOUR_MS, dice.randrange(600 * DAY_MS), dice.randrange(4 * DAY_MS)])
        letters.append(
            made(
                buffer,
                number,
                destination=to,
                account="" if to == "intake" else dice.choice(ACCOUNTS),
                code=dice.choice(CODES),
                died_at=died_at,
                event_time=died_at - age,
                attempts=dice.randrange(4),
                message=dice.choice(["no", "Straße „quer“", 'a "quoted" word']),
            )
        )
    return letters


@pytest.fixture
async def stock(redis: Redis, prefix: str) -> Stock:
    buffer = BufferSettings(key_prefix=prefix, shards=2)
    await fill(redis, buffer, some_letters(buffer, COUNT))
    finder = Finder(redis, buffer, a_second=1e9)
    by_ids = Filter(ids=[f"e-{number}" for number in range(COUNT)])
    letters = [letter async for letter in finder.find(by_ids)]
    assert len(letters) == COUNT
    return Stock(finder, redis, letters)


async def test_the_books_of_imported_letters_are_in_order(stock: Stock) -> None:
    for slot in stock.finder.slots(None):
        check(await take_picture(stock.redis, slot), NOW)


FILTERS = {
    "all": Filter(),
    "destination": Filter("server-events"),
    "account": Filter(account="a"),
    "no account": Filter(account=""),
    "an account like a field": Filter(account="1:a"),
    "code": Filter(code="X"),
    "no code": Filter(code=""),
    "both": Filter(account="ü:{c}", code="ab"),
    "nobody": Filter(account="nobody"),
    "since": Filter(since=NOW - 1),
    "until": Filter(until=NOW - 1),
    "span": Filter("event-api", since=NOW - HOUR_MS, until=NOW - 2),
    "one millisecond": Filter(since=NOW, until=NOW + 1),
    "account in a span": Filter(account="b", since=NOW - HOUR_MS, until=NOW),
    "expired": Filter(expires_before=NOW),
    "expires within": Filter(expires_after=NOW, expires_before=NOW + 12 * HOUR_MS),
    "expires within, of an account": Filter(account="a", expires_after=NOW, expires_before=NOW + 48 * HOUR_MS),
    "expires within, of a code and time": Filter(code="Y", expires_before=NOW + DAY_MS, since=NOW - HOUR_MS),
    "not expired": Filter(expires_after=NOW),
    "not expired, of a code": Filter(code="X", expires_after=NOW),
    "ids": Filter(ids=["e-1", "e-2", "e-3", "e-1", "nobody"]),
    "ids of an account": Filter(ids=[f"e-{number}" for number in range(50)], account="a"),
    "text of a reason": Filter(text="STRASSE „Q"),
    "text that JSON escapes": Filter(text='a "quoted"'),
    "text of an event": Filter(text="e-77"),
    "attempts": Filter(attempts=3),
    "attempts of an account": Filter(account="b", attempts=2, since=NOW - HOUR_MS),
}


@pytest.mark.parametrize("few", [0, 100_000], ids=["walking", "gathering"])
@pytest.mark.parametrize("oldest_first", [False, True], ids=["newest first", "oldest first"])
async def test_every_filter_gives_what_reading_all_letters_would(
    stock: Stock, oldest_first: bool, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one order over all slots; whether the index of times is gathered or walked past."""
    monkeypatch.setattr(choosing, "GATHERED", few)
    monkeypatch.setattr(choosing, "SLICE", 7)
    monkeypatch.setattr(choosing, "FEW", 2)
    monkeypatch.setattr(indexes, "PAGE", 40)
    for name, chosen in FILTERS.items():
        assert await stock.found(chosen, oldest_first=oldest_first) == stock.wanted(chosen, oldest_first), name


async def test_every_filter_is_counted(stock: Stock) -> None:
    for name, chosen in FILTERS.items():
        assert await stock.finder.count(chosen) == len(stock.wanted(chosen)), name
        assert bool(stock.wanted(chosen)) == (name != "nobody"), f"{name}: nothing is shown by it"


@pytest.mark.parametrize("oldest_first", [False, True], ids=["newest first", "oldest first"])
async def test_a_search_goes_on_behind_any_letter(stock: Stock, oldest_first: bool) -> None:
    """Also one that is gone by now, and among many that died in one moment."""
    for chosen in (Filter(), Filter(account="a"), Filter(expires_before=NOW), FILTERS["expires within"]):
        wanted = stock.wanted(chosen, oldest_first)
        for place in range(0, len(wanted), 1 + len(wanted) // 12):
            after = Cursor.of(wanted[place])
            assert await stock.found(chosen, oldest_first=oldest_first, after=after) == wanted[place + 1 :]
    slot = stock.finder.slots("event-api")[0]
    all_here = [letter for letter in stock.wanted(Filter(), oldest_first) if letter.slot == slot]
    gone = all_here[5]
    await stock.redis.zrem(slot.key("dead"), gone.number)
    after = Cursor(gone.died_at, gone.number)
    assert await stock.found(Filter(), oldest_first=oldest_first, after=after, slot=slot) == all_here[6:]


async def test_letters_that_came_later_do_not_count_where_a_bound_is_given(stock: Stock) -> None:
    slot = stock.finder.slots("event-api")[1]
    here = [letter for letter in stock.wanted(Filter()) if letter.slot == slot]
    bound = sorted(letter.number for letter in here)[len(here) // 2]
    for chosen in (Filter(), Filter(code="X"), Filter(expires_before=NOW)):
        wanted = [letter for letter in here if letter.number <= bound and chosen.takes(letter)]
        assert await stock.found(chosen, until=bound, slot=slot) == wanted


async def test_letters_that_leave_meanwhile_cost_no_other_its_place(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator replays while another one lists."""
    monkeypatch.setattr(indexes, "PAGE", 10)
    wanted = [letter.id for letter in stock.wanted(Filter("audience"))]
    seen = []
    async for letter in stock.finder.find(Filter("audience")):
        seen.append(letter.id)
        for key in ("dead", "dead_of:1:Xa"):
            await stock.redis.zrem(letter.slot.key(key), letter.number)
    assert seen == wanted


async def test_a_scan_keeps_to_its_pace(stock: Stock) -> None:
    slow = Finder(stock.redis, stock.finder._buffer, a_second=3_000)  # noqa: SLF001
    began = time.monotonic()
    assert len([None async for _ in slow.find(Filter(attempts=0))]) == COUNT
    assert time.monotonic() - began >= COUNT / 3_000


@pytest.mark.parametrize("window", [to.window for to in DESTINATIONS.values() if to.window.expires(0) is not None])
def test_the_first_event_time_that_expires_at_a_time_is_exact(window: Window) -> None:
    dice = Random(3)
    for _ in range(200):
        at = NOW + dice.randrange(-400 * DAY_MS, 400 * DAY_MS)
        first = first_expiring(window, at)
        assert (window.expires(first) or 0) >= at > (window.expires(first - 1) or 0)


def test_a_filter_becomes_json_and_comes_back() -> None:
    for chosen in FILTERS.values():
        assert Filter.from_json(chosen.to_json()) == chosen._replace(ids=list(chosen.ids) or ())
    for wrong in ('{"colour": "red"}', "[]", '{"since": "today"}', '{"ids": [1]}', '{"attempts": true}', "{"):
        with pytest.raises(ValueError):  # noqa: PT011 - JSON's own, or ours
            Filter.from_json(wrong)
