"""Runs scripts of the buffer: many in one round trip, loading them again where Redis has forgotten them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from producers.scripts import load
from worker.connection.pools import Exchanging
from worker.effects import effect

SCRIPTS = (  # in this order: a claim overtakes no settle
    *("settle", "claim", "replay", "discard", "edit", "pause", "resume"),
    *("erase", "blank", "audit", "import", "enlist", "begin", "steer"),
)
READS = ("letters",)  # scripts that change nothing


class Call(NamedTuple):
    """One call of a script of this package, by its file's name. `also`: finer names of the effects it has."""

    script: str
    keys: list[str]
    args: list[Any]
    also: tuple[str, ...] = ()


async def run(redis: Redis, calls: Sequence[Call]) -> list[Any]:
    """The answer to each call, in order; an error that Redis answered stands in its place."""
    with effect(*_effects_of(calls)):
        return await _executed(redis, calls)


async def fetch(redis: Redis, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """The answers to commands that change nothing. Raises the first error that Redis answered."""
    return _sound(await exchange(redis, commands))


async def ask(redis: Redis, calls: Sequence[Call]) -> list[Any]:
    """The answers of scripts that change nothing. Raises the first error that Redis answered."""
    return _sound(await _executed(redis, calls))


async def _executed(redis: Redis, calls: Sequence[Call]) -> list[Any]:
    """Scripts that Redis had forgotten are loaded, and their calls sent again."""
    answers = await _execute(redis, calls)
    forgotten = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if forgotten:
        for name in (*SCRIPTS, *READS):
            await redis.script_load(load("worker.buffer", name).text)
        for place, answer in zip(forgotten, await _execute(redis, [calls[p] for p in forgotten]), strict=True):
            answers[place] = answer
    return answers


async def run_one(redis: Redis, call: Call) -> Any:
    """The answer to one call. Raises the error that Redis answered."""
    (answer,) = _sound(await run(redis, [call]))
    return answer


def _sound(answers: list[Any]) -> list[Any]:
    """Raises the first error among them."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _effects_of(calls: Sequence[Call]) -> Iterable[str]:
    return dict.fromkeys(name for call in calls for name in (call.script, *call.also))


async def _execute(redis: Redis, calls: Sequence[Call]) -> list[Any]:
    return await exchange(
        redis,
        [("EVALSHA", load("worker.buffer", call.script).sha, len(call.keys), *call.keys, *call.args) for call in calls],
    )


async def exchange(redis: Redis, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """The answers to many commands, errors among them, in one round trip."""
    pool: Any = redis.connection_pool
    connection: Exchanging = await pool.get_connection()
    try:
        return await connection.exchange(commands)
    finally:
        await pool.release(connection)
