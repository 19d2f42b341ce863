"""Finding dead letters again: by id, account and code, whatever they are called."""

from __future__ import annotations

import pytest

from producers.settings import BatchSettings, BufferSettings
from tests.buffer.support import World, dealt_with
from tests.buffer.test_replay import die
from worker.dead_letters import DeadLetters, Filter

HOSTILE = [
    "a",
    "a\0",
    "a\0b",
    "a\0" + "1",
    "a\x01",
    "\0",
    "ü",
    "日本",
    "a:b",
    "{a}",
    "*",
    "[a",
    "(a",
    "-",
    "+",
    " ",
    "'\"\\",
    "\n",
]


@pytest.fixture
def letters(world: World) -> DeadLetters:
    caps = BatchSettings(max_events=100, max_bytes=1_000_000)
    return DeadLetters(world.redis, BufferSettings(key_prefix=world.slot.namespace), lambda _: caps)


async def ids(letters: DeadLetters, chosen: Filter, *, oldest_first: bool = False) -> list[str]:
    return [letter.id async for letter in letters.find(chosen, oldest_first=oldest_first)]


async def test_a_letter_is_found_by_its_id_whatever_it_is_called(world: World, letters: DeadLetters) -> None:
    await die(world, *HOSTILE)
    for id_ in HOSTILE:
        assert await ids(letters, Filter(ids=[id_])) == [id_]
    assert await ids(letters, Filter(ids=["nobody", "a\0" + "b\0"])) == []
    assert sorted(await ids(letters, Filter())) == sorted(HOSTILE)


@pytest.mark.parametrize("operation", ["replay", "discard"])
async def test_a_letter_is_dealt_with_by_its_id_whatever_it_is_called(
    world: World, letters: DeadLetters, operation: str
) -> None:
    await die(world, *HOSTILE)
    for left, id_ in zip(range(len(HOSTILE) - 1, -1, -1), HOSTILE, strict=True):
        done = await getattr(letters, operation)(await letters.choose(Filter(ids=[id_])))
        assert dealt_with(done) == 1
        assert (await world.picture()).ledger["dead"] == left
    await world.check()


async def test_all_letters_of_one_id_are_found(world: World, letters: DeadLetters) -> None:
    """An event may be enqueued twice under one id, and die twice."""
    await die(world, "same")
    await die(world, "same", account="other")
    found = [letter async for letter in letters.find(Filter(ids=["same"]))]
    assert {letter.of.account for letter in found} == {"acme", "other"}


async def test_letters_are_found_by_account_and_code(world: World, letters: DeadLetters) -> None:
    await die(world, "1", account="a", code="X")
    await die(world, "2", account="a", code="Y")
    await die(world, "3", account="b", code="X")
    assert await ids(letters, Filter(account="a", code="X")) == ["1"]
    assert sorted(await ids(letters, Filter(code="X"))) == ["1", "3"]
    assert sorted(await ids(letters, Filter(destination="event-api", account="a"))) == ["1", "2"]
    assert await ids(letters, Filter(account="b", ids=["1"])) == []


async def test_letters_come_newest_first_or_oldest_first(world: World, letters: DeadLetters) -> None:
    for name in ("1", "2", "3"):
        await die(world, name)
    assert await ids(letters, Filter()) == ["3", "2", "1"]
    assert await ids(letters, Filter(), oldest_first=True) == ["1", "2", "3"]


async def test_letters_that_died_together_come_in_their_order(world: World, letters: DeadLetters) -> None:
    names = [str(number) for number in range(12)]
    await die(world, *names)
    assert await ids(letters, Filter(), oldest_first=True) == names


async def test_more_letters_than_a_page_are_all_found(world: World, letters: DeadLetters) -> None:
    names = [str(number) for number in range(1_201)]
    world.cap_events = 2_000
    await die(world, *names)
    assert sorted(await ids(letters, Filter())) == sorted(names)


async def test_letters_are_counted_by_account_and_code(world: World, letters: DeadLetters) -> None:
    await die(world, "1", "2", account="a", code="X")
    await die(world, "3", account="a", code="Y")
    await die(world, "4", account="b:\0é", code="X")
    assert await letters.counts() == {
        ("event-api", "a", "X"): 2,
        ("event-api", "a", "Y"): 1,
        ("event-api", "b:\0é", "X"): 1,
    }
    await letters.discard(await letters.choose(Filter(ids=["1", "3"])))
    await letters.replay(await letters.choose(Filter(account="b:\0é")))
    assert await letters.counts() == {("event-api", "a", "X"): 1}


async def test_a_code_of_any_characters_is_counted_for_its_account(world: World, letters: DeadLetters) -> None:
    """The code is what Rokt answered, and JSON may hold any character."""
    await die(world, "1", code="X\0Y")
    assert [(account, count) for (_, account, _), count in (await letters.counts()).items()] == [("acme", 1)]
