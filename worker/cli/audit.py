"""`forwarder audit`: what operators did. And what the commands share to note it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from producers.settings import BufferSettings
from worker.audit import entries, note
from worker.cli.context import JsonOption, buffer_of, environment, out, plain, print_json
from worker.logs import configure
from worker.redis_client import with_redis
from worker.settings import log_settings


def audit(
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what operators did, newest first: erased, replayed, discarded, paused, resumed."""
    buffer = buffer_of(environment())
    found = asyncio.run(with_redis(buffer.redis_url, lambda redis: entries(redis, buffer.key_prefix, limit)))
    if as_json:
        print_json(found)
        return
    table = Table("at", "by", "action", "details")
    for entry in found:
        details = json.dumps(entry["details"], ensure_ascii=False)
        table.add_row(entry["at"], *(escape(plain(text)) for text in (entry["by"], entry["action"], details)))
    out.print(table)


def audited(buffer: BufferSettings, action: str, details: Mapping[str, Any]) -> None:
    """Returns when the entry is written. Raises `NotAudited`."""
    configure("INFO", log_settings()[1])  # to standard error
    asyncio.run(with_redis(buffer.redis_url, lambda redis: note(redis, buffer.key_prefix, action, details)))
