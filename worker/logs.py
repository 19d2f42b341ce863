"""Logs through structlog: JSON lines, or readable ones in a terminal. No personal data goes into any of them."""

from __future__ import annotations

import json
import logging
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog

from worker.masking import masked

Processors = list[structlog.typing.Processor]
QUIET = ("httpx", "httpcore", "uvicorn.access")  # they name URLs and headers
_JSON = json.JSONEncoder(ensure_ascii=False, default=repr)  # kept: `json.dumps` makes one a line
_written: dict[str, Callable[[str], object]] = {}  # by level: what writes a line of JSON, if lines are that


def configure(level: str, form: str = "auto", stream: TextIO | None = None) -> None:
    """Sets up structlog, and the standard library's logging (Celery, kombu, tornado, uvicorn, httpx) to the same form.

    `form`: json, console, or auto: readable where `stream` (standard error) is a terminal.
    """
    target = stream or sys.__stderr__ or sys.stderr
    number = logging.getLevelNamesMapping()[level]
    readable = form == "console" or (form == "auto" and target.isatty())
    spelled = _spelled(readable=readable)
    final = _final(spelled, readable=readable)
    structlog.configure(
        processors=[*_shared(), *final],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(target),  # one write a line: many share the file
        cache_logger_on_first_use=True,
    )
    _standard_library(number, final, target)
    _written.clear()
    if not readable:
        write = structlog.WriteLogger(target).msg
        shown = [level for level, of in logging.getLevelNamesMapping().items() if of >= number]
        _written.update({level.lower(): lambda line: write(spelled(line)) for level in shown})


def say_often(log: Any, level: Literal["info", "warning"], event: str, fields: dict[str, Any]) -> None:
    """As `log.info(event, **fields)` to the byte: structlog goes through the fields five times."""
    if write := _written.get(level):
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        write(_JSON.encode({**fields, "event": event, "level": level, "timestamp": at}))
    else:
        getattr(log, level)(event, **fields)


def _shared() -> Processors:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _final(spelled: Callable[[str], str], *, readable: bool) -> Processors:
    """From an event to its line. Tracebacks without the values of variables, which are what was worked on."""
    form: Processors = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.format_exc_info, lambda _logger, _method, event: _JSON.encode(event)]
    )
    return [*form, lambda _logger, _method, line: spelled(str(line))]


def _spelled(*, readable: bool) -> Callable[[str], str]:
    """The last look at a line."""
    host = socket.gethostname()
    spell = str if readable else escaped
    return lambda line: spell(masked(line, host))


def escaped(line: str) -> str:
    """A line of JSON whose reader sees all of it: what steers a terminal or turns the order of letters is spelled."""
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def _standard_library(number: int, final: Processors, target: TextIO) -> None:
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_shared(), structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    logging.captureWarnings(True)
    for chatty in QUIET:
        logging.getLogger(chatty).setLevel(max(number, logging.WARNING))
