"""What append refuses, in words, and without having written anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from producers.append import APPEND
from producers.keys import LAYOUT, Slot
from tests.buffer.support import World, evaluate, event
from worker.stack.redis_server import EmbeddedRedis

HEAD, GROUP, EVENTS = 13, 7, 6  # where the groups begin; their length; the place of the number of events within a group
SIZES, PRINTS = 10, 11


async def everything(world: World) -> dict[bytes, bytes]:
    """The exact content of each key of the slot."""
    keys = await world.redis.keys(world.slot.base + "*")
    return {key: await world.redis.dump(key) for key in keys}


async def refused(world: World, call: Any) -> str:
    """The words of the refusal; nothing was written."""
    before = await everything(world)
    with pytest.raises(ResponseError) as caught:
        await evaluate(world.redis, call)
    assert await everything(world) == before
    return str(caught.value)


async def test_another_layout_is_refused_in_words(world: World) -> None:
    await world.append(event("1"))
    call = world.append_call([event("2")])
    call.args[0] = LAYOUT + 1
    assert await refused(world, call) == f"LAYOUT the data in Redis has layout {LAYOUT}"


async def test_another_number_of_shards_is_refused_in_words(world: World) -> None:
    await world.append(event("1"), shards=4)
    assert await refused(world, world.append_call([event("2")])) == "SHARDS the data in Redis is spread over 4 shards"


def head(place: int, value: Any) -> Any:
    return lambda args: args.__setitem__(place, value)


def last_group(place: int, value: Any) -> Any:
    def change(args: list[Any]) -> None:
        args[HEAD + GROUP + 1 + place] = value

    return change


CHANGES = {
    "an argument too few": lambda args: args.pop(),
    "an argument too many": lambda args: args.append(b"more"),
    "more groups than there are": lambda args: args.__setitem__(HEAD - 1, 3),
    "fewer groups than there are": lambda args: args.__setitem__(HEAD - 1, 1),
    "groups that are no number": lambda args: args.__setitem__(HEAD - 1, "two"),
    "no arguments": lambda args: args.__delitem__(slice(None)),
    "more events than there are": last_group(EVENTS, 2),
    "no events": last_group(EVENTS, 0),
    "less than no events": last_group(EVENTS, -1),
    "half an event": last_group(EVENTS, "1.5"),
    "events that are no number": last_group(EVENTS, "one"),
    "sizes for more events": head(SIZES, bytes(12)),
    "sizes for fewer events": head(SIZES, bytes(4)),
    "prints for more events": head(PRINTS, bytes(36)),
    "half a print": head(PRINTS, bytes(18)),
    "no prints": head(PRINTS, b""),
    "a window that is no number": head(7, "day"),
    "a cap in events that is no number": head(8, "many"),
    "a linger that is no number": head(9, "long"),
    "a cap in bytes that is no number": last_group(3, "many"),
    "an oldest time that is no number": last_group(4, "yesterday"),
    "a newest time that is no number": last_group(5, ""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_arguments_that_do_not_add_up_write_nothing(world: World, change: Any) -> None:
    """Not even the groups before the one at fault."""
    await world.append(event("before"))
    call = world.append_call([event("1"), event("2", "other")])
    change(call.args)
    await refused(world, call)
    await world.check()


async def test_more_than_4000_events_in_one_group_are_refused(world: World) -> None:
    """Lua cannot hand more to one push."""
    call = world.append_call([event(str(number)) for number in range(4_001)])
    assert (await refused(world, call)).startswith("MALFORMED")


async def test_a_first_call_that_is_malformed_leaves_no_layout_behind(world: World) -> None:
    call = world.append_call([event("1")])
    call.args.append("more")
    await refused(world, call)
    assert await everything(world) == {}


def test_a_cap_that_no_batch_can_keep_is_refused(tmp_path: Path, slot: Slot) -> None:
    """Not tried for ever: the server answers nobody meanwhile. On a server of its own, since it would hang."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        call = World(None, slot, cap_events=0).append_call([event("1")])
        redis: Any = Redis.from_url(server.url, socket_timeout=1, retry=None, protocol=2)
        try:
            with pytest.raises(ResponseError, match="MALFORMED"):
                redis.execute_command("EVAL", APPEND.text, *call.command)
        except RedisError as error:
            pytest.fail(f"the script did not end: {error}")
        finally:
            redis.close()
            server.kill()
