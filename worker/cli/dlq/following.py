"""Follows a replay to its end, with a bar; where no worker lives it is run here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from producers.errors import ForwarderError
from producers.settings import consent_setting
from worker.buffer.batches import Room
from worker.cli.context import buffer_of, environment, err
from worker.connection.client import with_redis
from worker.dead_letters.finding import Finder
from worker.lifecycle.heartbeat import key as heartbeats_key
from worker.lifecycle.heartbeat import those_alive
from worker.replay import Progress, Replays
from worker.replay.asking import Asking
from worker.replay.runner import Runner
from worker.second_consent import consent_of
from worker.settings import caps_of, replay_rate

LOOK_S = 0.1
HERE_S = 1.0  # that it is run here, until it is asked again whether a worker lives
STILL_S = 5.0  # without progress, after which it is said where to look
INTERRUPTED = 130
Answer = TypeVar("Answer")


def on_replays(work: Callable[[Replays], Awaitable[Answer]]) -> Answer:
    """With the replays of this environment."""
    return _with_redis(lambda _, replays: work(replays))


def follow(replay: str) -> Progress:
    """To its end. Ctrl-C leaves it running, and says so."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        line = bar.add_task(replay, total=None)

        def show(progress: Progress) -> None:
            told = replay if progress.state == "running" else f"{replay} {progress.state}"
            bar.update(line, description=told, total=progress.chosen, completed=progress.dealt_with)

        try:
            return _with_redis(lambda redis, replays: _followed(redis, replays, replay, show))
        except KeyboardInterrupt:
            bar.stop()
            typer.echo(f"{replay} goes on in the workers; forwarder dlq replays {replay} shows it", err=True)
            raise typer.Exit(INTERRUPTED) from None


def names_of(progress: Progress) -> tuple[str, ...]:
    """The ids of letters that nobody decided on: the first hundred that are still there."""

    async def work(redis: Any, _replays: Replays) -> tuple[str, ...]:
        finder = Finder(redis, buffer_of(environment()))
        letters = [letter for slot, number in progress.unclear for letter in await finder.read(slot, [number])]
        return tuple(letter.id for letter in letters)

    return _with_redis(work)


def _with_redis(work: Callable[[Any, Replays], Awaitable[Answer]]) -> Answer:
    environ = environment()
    buffer = buffer_of(environ)
    consent, rate = bool(consent_setting(environ)), replay_rate(environ)

    async def opened(redis: Any) -> Answer:
        return await work(redis, Replays(redis, buffer, consent=consent, rate=rate))

    return asyncio.run(with_redis(buffer.redis_url, opened))


async def _followed(redis: Any, replays: Replays, replay: str, show: Callable[[Progress], object]) -> Progress:
    moved, since, told = -1, time.monotonic(), False
    while True:
        progress = await replays.progress(replay)
        _heed_an_interrupt()
        if progress is None:
            raise ForwarderError(f"{replay} is gone: the data in Redis is not what it was")
        show(progress)
        if progress.is_over:
            await replays.tell_end(replay)
            return progress
        if progress.dealt_with != moved:
            moved, since = progress.dealt_with, time.monotonic()
        elif not told and time.monotonic() > since + STILL_S:
            told = True
            typer.echo(f"{replay} waits; forwarder status says what is held. Ctrl-C leaves it running", err=True)
        if progress.state != "running" or await _workers_live(redis):
            await asyncio.sleep(LOOK_S)
        else:
            await _run_here(redis, replays, replay)


def _heed_an_interrupt() -> None:
    """Python 3.11's `asyncio.wait_for`, in which redis-py writes, forgets a Ctrl-C that comes as the write ends."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _workers_live(redis: Any) -> bool:
    seconds, _ = await redis.time()
    beats = await redis.zrange(heartbeats_key(buffer_of(environment()).key_prefix), 0, -1, withscores=True)
    return bool(those_alive(beats, seconds))


@cache
def _asking() -> Asking | None:
    """One, so that never two questions are open."""
    consent = consent_of(environment())
    return Asking(consent) if consent else None


async def _run_here(redis: Any, replays: Replays, replay: str) -> None:
    """For a moment. Nobody delivers, so that nothing live can wait for it."""
    environ = environment()
    buffer, caps, asking = buffer_of(environ), caps_of(environ), _asking()
    runners = [
        Runner(redis, buffer, slot, caps(slot.destination), Room(), asking) for slot in await replays.slots_of(replay)
    ]
    await asyncio.gather(*(runner.run(HERE_S, until_idle=True) for runner in runners))
