"""What the commands of `dlq` share: options, the filter they make, and the queues of this environment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.markup import escape

from producers import Producer
from worker.cli.context import buffer_of, environment, known, plain
from worker.dead_letters import DeadLetters, Filter
from worker.intake.letters import NAME as INTAKE
from worker.redis_client import with_redis
from worker.second_consent import consent_of, entrance
from worker.settings import caps_of

AccountOption = Annotated[str | None, typer.Option("--account", "-a", help="Only this account.")]
CodeOption = Annotated[str | None, typer.Option("--code", "-c", help="Only letters whose first code is this.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every letter that the filters take.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The events' ids.")]
Answer = TypeVar("Answer")


def queue(name: str | None) -> str | None:
    """A dead-letter queue: one a destination, and one for the intake."""
    return name if name == INTAKE else known(name)


def chosen_by(
    ids: list[str] | None, destination: str | None, account: str | None, code: str | None, everything: bool
) -> Filter:
    if not (ids or destination or account or code or everything):
        raise typer.BadParameter("name ids or a filter, or say --all")
    return Filter(queue(destination), account, code, ids or ())


def shown_plain(text: str) -> str:
    """A stranger's text for a table: no markup, no control characters."""
    return escape(plain(text))


def on_queues(work: Callable[[DeadLetters], Awaitable[Answer]]) -> Answer:
    """With the dead-letter queues of this environment."""
    environ = environment()
    buffer, enqueue = buffer_of(environ), entrance(Producer.patient(environ))
    rest = (buffer, caps_of(environ), enqueue, consent_of(environ))
    return asyncio.run(with_redis(buffer.redis_url, lambda redis: work(DeadLetters(redis, *rest))))
