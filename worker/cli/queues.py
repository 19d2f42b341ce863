"""`forwarder status` and `drain`: how the queues are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.settings import BufferSettings
from worker.cli.context import JsonOption, buffer_of, environment, out, plain, print_json
from worker.cli.intake_queue import IntakeQueue
from worker.connection.client import with_redis
from worker.operating.ledger_table import table
from worker.operating.status import MOVING, left, status, unsettled

LOOK_S = 0.1


def show_status(as_json: JsonOption = False) -> None:
    """The ledger of each destination: accepted = open + ready + waiting + in flight + delivered + dead + discarded."""
    buffer = buffer_of(environment())
    counts = asyncio.run(with_redis(buffer.redis_url, lambda redis: status(redis, buffer)))
    if as_json:
        print_json(counts)
    else:
        out.print(table(counts))
        for line in holds(counts):
            typer.echo(line)
        typer.echo(IntakeQueue(environment(), buffer).line())


def drain(
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Wait until nothing is open, ready, waiting, in flight or in the queue; 1 says what is left and why."""
    buffer = buffer_of(environment())
    queue = IntakeQueue(environment(), buffer)
    counts = asyncio.run(with_redis(buffer.redis_url, lambda redis: drained(redis, buffer, timeout, queue)))
    if as_json:
        print_json(counts)
    for line in (*remains(counts), *queue.remains()):
        typer.echo(line, err=True)
    if queue.left or any(left(each) for each in counts.values()):
        raise typer.Exit(1)


async def drained(
    redis: Redis, buffer: BufferSettings, timeout_s: float, queue: IntakeQueue
) -> dict[str, dict[str, Any]]:
    """The counts once nothing is left, or at the end of the time. A Redis that is away may come back until then."""
    ends = time.monotonic() + timeout_s
    while True:
        over = time.monotonic() >= ends
        try:
            queue.look()  # first: what leaves it is in the buffer by then
            if over or not (queue.left or await unsettled(redis, buffer)):
                counts = await status(redis, buffer)
                if over or not any(left(each) for each in counts.values()):
                    return counts
        except RedisError:
            if over:
                raise
        await asyncio.sleep(LOOK_S)


def holds(counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line a hold, and one for a circuit that is not closed."""
    lines = [f"{name}: {_hold(hold)}" for name, each in counts.items() for hold in each["holds"]]
    circuits = {name: each["circuit"] for name, each in counts.items() if each["circuit"] != "closed"}
    return [f"{name}: the circuit is {circuit}" for name, circuit in circuits.items()] + lines


def _hold(hold: Mapping[str, Any]) -> str:
    whose = "all" if hold["account"] is None else f"account {plain(hold['account'])}"
    ends = "" if hold["ends_in_s"] is None else f" for {hold['ends_in_s']:g} s more"
    return f"{whose} {hold['kind']}{ends}: {plain(hold['reason'])}"


def remains(counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is left, and why."""
    lines = []
    for name, each in counts.items():
        if left(each):
            states = ", ".join(f"{each[state]} {state.replace('_', ' ')}" for state in MOVING if each[state])
            parked = f" ({each['parked']} of them parked)" if each["parked"] else ""
            why = (" (waiting for a retry)" if each["waiting"] else "") + parked
            lines.append(f"{name}: {states}{why}; the oldest for {each['oldest_age_s']} s")
    return lines + holds(counts)
