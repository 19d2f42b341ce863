"""Runs `forwarder query` as the console script would: what was printed, and the exit status."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import NamedTuple

from typer.testing import CliRunner

from producers.errors import ConfigurationError, ForwarderError
from worker.cli.query import app


class Run(NamedTuple):
    """`err` is one readable line where an error left the command."""

    status: int
    out: str
    err: str


async def forwarder_query(environ: Mapping[str, str | None], *arguments: str) -> Run:
    """In a thread, since the command has an event loop of its own. None: the variable is not set."""
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=dict(environ))
    error, out = result.exception, _plain(result.stdout_bytes.decode())
    if error is None or isinstance(error, SystemExit):
        return Run(result.exit_code, out, _plain(result.stderr))
    if not isinstance(error, ForwarderError):
        raise error
    return Run(2 if isinstance(error, ConfigurationError) else 1, out, str(error))


def _plain(text: str) -> str:
    """Without colours, which typer forces where it sees a CI."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
