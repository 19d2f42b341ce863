"""What the commands of `dlq` share: the queues of this environment, and how a stranger's text is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import typer
from rich.markup import escape

from producers import Producer
from worker.cli.context import buffer_of, environment, plain
from worker.connection.client import with_redis
from worker.dead_letters import DeadLetters
from worker.second_consent import consent_of, entrance
from worker.settings import caps_of

Answer = TypeVar("Answer")


def tell_missing(missing: Collection[str]) -> None:
    """Ids that no letter has: a failure, told by name; the others went all the same."""
    for event_id in missing:
        typer.echo(f"no dead letter has the id {plain(event_id)}", err=True)
    if missing:
        raise typer.Exit(1)


def shown_plain(text: str) -> str:
    """A stranger's text for a table: no markup, no control characters."""
    return escape(plain(text))


def on_queues(work: Callable[[DeadLetters], Awaitable[Answer]]) -> Answer:
    """With the dead-letter queues of this environment."""
    environ = environment()
    buffer, enqueue = buffer_of(environ), entrance(Producer.patient(environ))
    rest = (buffer, caps_of(environ), enqueue, consent_of(environ))
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: work(DeadLetters(redis, *rest))))
