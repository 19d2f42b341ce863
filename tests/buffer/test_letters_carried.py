"""Export and import: a letter comes back as it was, once, and what is no letter is told by field."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from producers.clock import parse_rfc3339_utc
from producers.destinations import DESTINATIONS
from producers.errors import InvalidEvent
from producers.settings import BatchSettings, BufferSettings
from producers.stored_event import StoredEvent
from tests.apis.cases import CASES, TIME
from tests.buffer.invariants import check
from tests.buffer.picture import take_picture
from tests.support.letters import fill, made
from worker.dead_letters import DeadLetters, Filter, Letter
from worker.dead_letters.carried import letter_in, line_of
from worker.dead_letters.importing import NoRoom

CAPS = BatchSettings(max_events=100, max_bytes=1_000_000)
AT = 1_700_000_000_000


@pytest.fixture
def buffer(prefix: str) -> BufferSettings:
    return BufferSettings(key_prefix=prefix, shards=2)


@pytest.fixture
def letters(redis: Redis, buffer: BufferSettings) -> DeadLetters:
    return DeadLetters(redis, buffer, lambda _: CAPS)


def good(buffer: BufferSettings, destination: str, number: int = 1) -> Letter:
    """Of an event as it is stored by a producer, with all that a letter may have."""
    if destination == "intake":
        letter = made(buffer, number, destination="intake", account="", died_at=AT + number, event_time=AT)
        return letter._replace(event=replace(letter.event, payload=b"\xff no JSON", trace="00-1"))
    prepared = DESTINATIONS[destination].prepare("1", CASES[destination].event, None, parse_rfc3339_utc(TIME))
    letter = made(buffer, number, destination=destination, died_at=AT + number)
    event = StoredEvent(AT - 5, prepared.event_time, prepared.payload, prepared.header_id, "00-1", letter.event.history)
    of = letter.of._replace(order=prepared.order, kind=prepared.kind)
    return letter._replace(id=prepared.id, event=event, of=of)


async def all_of(letters: DeadLetters) -> list[Letter]:
    return [letter async for letter in letters.find(Filter(), oldest_first=True)]


def as_they_were(letters: list[Letter]) -> list[Letter]:
    """Slot by slot, in the order in which they died; their numbers are new."""
    return [letter._replace(number="") for letter in sorted(letters, key=lambda each: each.slot)]


async def bring_back(letters: DeadLetters, lines: list[bytes], buffer: BufferSettings) -> tuple[int, int]:
    importing = letters.importing()
    for line in lines:
        await importing.add(letter_in(line, buffer))
    await importing.finish()
    return importing.imported, importing.known


@pytest.mark.parametrize("destination", [*DESTINATIONS, "intake"])
def test_a_letter_of_each_destination_comes_back_as_it_was(buffer: BufferSettings, destination: str) -> None:
    """First times, history, order, kind and the exact bytes of its event."""
    letter = good(buffer, destination)
    line = line_of(letter)
    assert letter_in(line, buffer) == letter
    assert json.loads(line)["event"] == letter.readable(), "to be read beside what is stored"


async def test_what_was_exported_and_discarded_comes_back_and_the_books_are_in_order(
    redis: Redis, letters: DeadLetters, buffer: BufferSettings
) -> None:
    await fill(redis, buffer, [good(buffer, name, 1) for name in (*DESTINATIONS, "intake")])
    await fill(redis, buffer, (made(buffer, number, account=str(number % 3), died_at=AT) for number in range(10, 260)))
    before = await all_of(letters)
    lines = [line_of(letter) for letter in before]
    await letters.discard(await letters.choose(Filter()))
    assert await all_of(letters) == []
    assert await bring_back(letters, lines, buffer) == (len(before), 0)
    after = await all_of(letters)
    assert as_they_were(after) == as_they_were(before)
    for slot in {letter.slot for letter in after}:
        picture = await take_picture(redis, slot)
        check(picture, AT)
        assert picture.ledger["discarded"] == picture.ledger["dead"] == picture.ledger["accepted"] / 2


async def test_the_same_file_twice_does_no_harm(letters: DeadLetters, buffer: BufferSettings) -> None:
    lines = [line_of(made(buffer, number, died_at=AT)) for number in range(150)]
    assert await bring_back(letters, lines[:100], buffer) == (100, 0)
    assert await bring_back(letters, lines, buffer) == (50, 100)
    assert await bring_back(letters, [*lines, *lines], buffer) == (0, 300)
    assert len(await all_of(letters)) == 150


async def test_two_who_import_the_same_file_at_once_bring_each_letter_back_once(
    redis: Redis, letters: DeadLetters, buffer: BufferSettings
) -> None:
    lines = [line_of(made(buffer, number, died_at=AT)) for number in range(300)]
    both = await asyncio.gather(*(bring_back(letters, lines, buffer) for _ in range(3)))
    assert sum(imported for imported, _ in both) == 300
    assert sum(known for _, known in both) == 600
    for slot in {letter.slot for letter in await all_of(letters)}:
        check(await take_picture(redis, slot), AT)


async def test_letters_of_one_id_are_told_apart_by_death_account_and_event(
    letters: DeadLetters, buffer: BufferSettings
) -> None:
    """An id may stand for events of two types, and an event may die, and be exported, twice."""
    first = made(buffer, 1, died_at=AT)
    later = first._replace(died_at=AT + 1)
    elsewhere = first._replace(of=first.of._replace(account="2"), slot=made(buffer, 1, account="2").slot)
    payload = first.event.payload.replace(b"conversion", b"signup")
    another = first._replace(event=replace(first.event, payload=payload))
    lines = [line_of(each) for each in (first, later, elsewhere, another)]
    assert await bring_back(letters, lines, buffer) == (4, 0)
    assert await bring_back(letters, lines, buffer) == (0, 4)


async def test_a_letter_that_was_edited_since_is_known_again(
    redis: Redis, letters: DeadLetters, buffer: BufferSettings
) -> None:
    letter = made(buffer, 1, died_at=AT)
    edit = {"at": "then", "edited": {"by": "ops", "why": "typo", "original": letter.readable()}}
    payload = letter.event.payload.replace(b"conversion", b"signup")
    edited = replace(letter.event, payload=payload, history=(*letter.event.history, edit))
    await fill(redis, buffer, [letter._replace(event=edited)])
    assert await bring_back(letters, [line_of(letter)], buffer) == (0, 1)


async def test_another_layout_takes_no_letters_back(redis: Redis, letters: DeadLetters, buffer: BufferSettings) -> None:
    lines = [line_of(made(buffer, number, died_at=AT)) for number in range(3)]
    slot = made(buffer, 1).slot
    await redis.hset(slot.key("meta"), mapping={"layout": 1, "shards": 2})
    with pytest.raises(NoRoom, match="layout 1"):
        await bring_back(letters, lines, buffer)
    assert await all_of(letters) == []


def wrong(**fields: Any) -> tuple[bytes, set[str]]:
    """A line of which some things are otherwise, and the fields that are named then."""
    line = json.loads(line_of(made(BufferSettings(), 1, died_at=AT, event_time=AT)))
    for name, value in fields.items():
        at, _, last = name.rpartition("__")
        (line[at] if at else line)[last] = value
    return json.dumps(line).encode(), {name.replace("__", ".") for name in fields}


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (b"{", {"line"}),
        (b"[]", {"line"}),
        (b"\xff", {"line"}),
        wrong(colour=1),
        wrong(version=2),
        wrong(destination="postcards"),
        wrong(account=1),
        wrong(id=""),
        wrong(died_at="yesterday"),
        wrong(history={}),
        wrong(stored__event_time=-1, stored__enqueued_at="now"),
        wrong(stored__payload=7),
        wrong(died_at="1969-12-31T23:59:59Z"),
        wrong(died_at="9999-12-31T23:59:59Z"),
        wrong(code="a\0b"),
        wrong(account="a\0b"),
        (wrong(destination="intake", account="a\0b")[0], {"account"}),
        wrong(order="o"),
        wrong(id="another"),
        (
            wrong(history=[{"reasons": [{"code": 1}]}])[0],
            {"history[0].reasons[0].code", "history[0].reasons[0].message"},
        ),
        (wrong(history=[{"batch": "1-a"}])[0], {"history[0]"}),
        (wrong(history=[{"edited": {}}])[0], {"history[0].edited.original"}),
        (wrong(history=[{"edited": None}])[0], {"history[0].edited"}),
        (wrong(stored__payload="no JSON")[0], {"event"}),
        (wrong(stored__payload='{"clientEventId":"e-1","eventType":"x"},{}')[0], {"event"}),
        (wrong(stored__payload='{"clientEventId":"e-1"}')[0], {"event.eventType"}),
        (wrong(stored__payload="!", stored__base64=True)[0], {"stored.payload"}),
        (wrong(destination="audience", kind="include bare")[0], {"event.list", "event.sha256"}),
    ],
)
def test_what_is_no_letter_is_told_by_field(line: bytes, fields: set[str]) -> None:
    with pytest.raises(InvalidEvent) as caught:
        letter_in(line, BufferSettings())
    assert {fault.field for fault in caught.value.faults} == fields
