"""`forwarder audit`: what operators did. And what the commands share to note it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from producers.clock import now_ms
from producers.settings import BufferSettings
from worker.cli.context import JsonOption, buffer_of, environment, out, plain, print_json
from worker.connection.client import with_redis
from worker.dead_letters.asked import moment
from worker.logs import configure
from worker.operating.audit import BEGUN, NotAudited, Wanted, entries, note
from worker.settings import log_settings

KILLED = "begun; it has no end yet, or was killed"


def audit(
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    action: Annotated[str, typer.Option(help="Only this action: erase, pause, dlq, 'dlq edit', …")] = "",
    by: Annotated[str, typer.Option(help="Only what this user did: a name, or user@host.")] = "",
    since: Annotated[str | None, typer.Option(help="Only from then on: a time in UTC, or an age like 2h.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List what operators did, newest first: who, what, why and how many. An action that was killed shows as begun."""
    buffer = buffer_of(environment())
    wanted = Wanted(action, by, _moment(since) if since else 0)
    found = asyncio.run(with_redis(buffer.redis_url, lambda redis: entries(redis, buffer.key_prefix, limit, wanted)))
    if as_json:
        print_json(found)
        return
    table = Table("at", "by", "via", "action", "why", "details")
    for entry in _told_once(found):
        table.add_row(entry["at"], *(escape(plain(text)) for text in _cells(entry)))
    out.print(table)


def _moment(since: str) -> int:
    try:
        return moment(since, now_ms())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None


def audited(buffer: BufferSettings, action: str, details: Mapping[str, Any], why: str = "", run: str = "") -> None:
    """Returns when the entry is written. Raises `NotAudited`."""
    configure("INFO", log_settings(environment())[1])  # to standard error

    def write(redis: Any) -> Any:
        return note(redis, buffer.key_prefix, action, details, why=why, run=run)

    asyncio.run(with_redis(buffer.redis_url, write))


@contextmanager
def acting(buffer: BufferSettings, action: str, details: Mapping[str, Any], why: str = "") -> Iterator[dict[str, Any]]:
    """Notes that an action begins and, with what the caller puts into the mapping it is given, how it ended.

    One that is killed has left the first word; one that fails, or is broken off, says what was done until then.
    """
    run, told = token_hex(6), dict[str, Any]()
    audited(buffer, action + BEGUN, details, why, run)
    try:
        yield told
    except BaseException:
        with suppress(NotAudited):
            audited(buffer, action, {**details, **told, "broken_off": True}, why, run)
        raise
    audited(buffer, action, {**details, **told}, why, run)


def _told_once(found: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The entries without the first word of those actions whose end is told."""
    ended: set[str] = set()
    for entry in found:
        begun = entry["action"].endswith(BEGUN)
        if not (begun and entry.get("run") in ended):
            yield entry
        if not begun and entry.get("run"):
            ended.add(entry["run"])


def _cells(entry: Mapping[str, Any]) -> list[str]:
    said = [f"{name.replace('_', ' ')} {_said(value)}" for name, value in entry["details"].items() if name != "reason"]
    if entry["action"].endswith(BEGUN):
        said.append(f"({KILLED})")
    why = entry["why"] or entry["details"].get("reason", "")
    return [entry["by"], entry["via"], entry["action"], why, ", ".join(said)]


def _said(value: Any) -> str:
    """A detail in words: `event-api (ready 2, dead 1)`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name} {_said(each)}" for name, each in value.items()) + ")"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
