"""What the commands of `dlq` share: the filter that their options make, and the queues of this environment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer
from rich.markup import escape

from producers import Producer
from worker.cli.context import buffer_of, environment, plain
from worker.cli.dlq.filters import AccountOption, AllOption, CodeOption, IdsArgument, queue
from worker.dead_letters import DeadLetters, Filter
from worker.redis_client import with_redis
from worker.second_consent import consent_of, entrance
from worker.settings import caps_of

Answer = TypeVar("Answer")
__all__ = ["AccountOption", "AllOption", "CodeOption", "IdsArgument", "chosen_by", "on_queues", "queue", "shown_plain"]


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
