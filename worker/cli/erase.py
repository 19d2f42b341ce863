"""`forwarder erase`: a person's events go, wherever they wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeVar

import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from producers.settings import BufferSettings, spool_settings
from worker.cli.audit import acting
from worker.cli.context import JsonOption, YesOption, agreed, asks, buffer_of, environment, print_json
from worker.cli.intake_queue import IntakeQueue
from worker.connection.client import with_redis
from worker.erasure.erasure import Found, Place, RedisPlace, Where, erase_from, find_in
from worker.erasure.person import Person
from worker.erasure.spool_place import spool_places
from worker.settings import longest_lease_s, longest_record_s

Answer = TypeVar("Answer")
MARGIN_S = 5
QUEUE_HINT = "are not searched: drain first, or erase again when they were read"


def erase(
    email: Annotated[list[str] | None, typer.Option(help="The person's address; may be given again.")] = None,
    sha256: Annotated[list[str] | None, typer.Option(help="The SHA-256 of the address, normalised.")] = None,
    reason: Annotated[str, typer.Option("--reason", "-r", "--why", "-w", help="For the audit.")] = "",
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds to wait for what is in flight. [default: the lease and 5]")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a person's events that wait, and dead letters: they count as discarded. 1: some are in flight."""
    person = _person(email or [], sha256 or [], reason)
    environ = environment()
    buffer = buffer_of(environ)
    timeout_s = longest_lease_s(environ) + MARGIN_S if timeout is None else timeout
    if dry_run or asks(yes):
        found = _with_places(buffer, timeout_s, lambda places: find_in(places, person))
        if dry_run:
            _tell("found", found, _queued(environ, buffer), as_json)
            return
        if not agreed(f"erase {found.events.total()} events and dead letters of {len(person.hashes)} addresses?", yes):
            raise typer.Exit(1)
    with acting(buffer, "erase", _named(person, reason), reason) as told:
        found = _with_places(buffer, timeout_s, lambda places: erase_from(places, person))
        told.update(_details(found))
    _tell("erased", found, _queued(environ, buffer), as_json)
    if found.left or found.more:
        raise typer.Exit(1)


def _places(redis: Redis, buffer: BufferSettings, timeout_s: float) -> list[Place]:
    """Wherever a person's events may wait, in the order in which they go."""
    spool = spool_settings(environment(), {})
    return [
        *spool_places(spool, buffer.key_prefix),
        RedisPlace(redis, buffer, timeout_s, 1_000 * longest_record_s(environment())),
    ]


def _with_places(buffer: BufferSettings, timeout_s: float, work: Callable[[list[Place]], Awaitable[Answer]]) -> Answer:
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: work(_places(redis, buffer, timeout_s))))


def _person(emails: list[str], hashes: list[str], reason: str) -> Person:
    """Raises wrong usage, whose words do not hold what was given."""
    if not (emails or hashes):
        raise typer.BadParameter("give an address, or its SHA-256", param_hint="--email")
    try:
        person = Person(emails, hashes)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--email or --sha256") from None
    if person.is_in_text(reason.encode("utf-8", "replace")):
        raise typer.BadParameter("must not name the person: the audit keeps it", param_hint="--reason")
    return person


def _queued(environ: Mapping[str, str], buffer: BufferSettings) -> int | None:
    """Messages in the queue of the intake; None if the broker does not answer. One that is no Redis is not asked."""
    queue = IntakeQueue(environ, buffer)
    try:
        queue.look()
    except RedisError:
        return None
    return queue.left


def _named(person: Person, reason: str) -> dict[str, Any]:
    return {"sha256": sorted(person.hashes), **({"reason": reason} if reason else {})}


def _details(found: Found) -> dict[str, Any]:
    told = {"erased": found.events.total(), "by_state": _by_destination(found.events)}
    return {**told, "left_in_flight": found.left.total()}


def _by_destination(events: Counter[Where]) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {}
    for (destination, state), count in sorted(events.items()):
        told.setdefault(destination, {})[state] = count
    return told


def _tell(verb: str, found: Found, queued: int | None, as_json: bool) -> None:
    if as_json:
        left = _by_destination(found.left)
        told = {verb: _by_destination(found.events), "left": left, "more": found.more, "intake_queue": queued}
        print_json(told)
    else:
        for line in _lines(verb, found):
            typer.echo(line)
    if found.more:
        typer.echo("new events came as fast as they were erased: erase again", err=True)
    if queued != 0:
        many = "what waits in the queue of the intake" if queued is None else f"{queued} messages of the intake's queue"
        typer.echo(f"{many}: {QUEUE_HINT}", err=True)


def _lines(verb: str, found: Found) -> list[str]:
    each = [f"{name}: {_counts(counts)} {verb}" for name, counts in _by_destination(found.events).items()]
    left = [f"{name}: {_counts(counts)}, not erased" for name, counts in _by_destination(found.left).items()]
    return [*each, *left] or ["nothing was found"]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items())
