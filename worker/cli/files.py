"""The files that commands read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import typer


@contextmanager
def opened(file: Path) -> Iterator[tuple[BinaryIO, int | None]]:
    """A file, or standard input for `-`; and its size where it has one. Raises wrong usage."""
    if str(file) == "-":
        yield sys.stdin.buffer, None
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="FILE") from None
    with stream:
        yield stream, file.stat().st_size
