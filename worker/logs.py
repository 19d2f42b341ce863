"""Logs through structlog: JSON lines, or readable ones in a terminal. No personal data goes into any of them."""

from __future__ import annotations

import json
import logging
import socket
import sys
from typing import TextIO

import structlog

from worker.masking import masked

Processors = list[structlog.typing.Processor]
QUIET = ("httpx", "httpcore", "uvicorn.access")  # they name URLs and headers
_JSON = json.JSONEncoder(ensure_ascii=False, default=repr)  # kept: `json.dumps` makes one a line


def configure(level: str, form: str = "auto", stream: TextIO | None = None) -> None:
    """Sets up structlog, and the standard library's logging (Celery, kombu, tornado, uvicorn, httpx) to the same form.

    `form`: json, console, or auto: readable where `stream` (standard error) is a terminal.
    """
    target = stream or sys.__stderr__ or sys.stderr
    number = logging.getLevelNamesMapping()[level]
    final = _final(readable=form == "console" or (form == "auto" and target.isatty()))
    structlog.configure(
        processors=[*_shared(), *final],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(target),  # one write a line: many share the file
        cache_logger_on_first_use=True,
    )
    _standard_library(number, final, target)


def _shared() -> Processors:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _final(*, readable: bool) -> Processors:
    """From an event to its line. Tracebacks without the values of variables, which are what was worked on."""
    host = socket.gethostname()
    form: Processors = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.format_exc_info, lambda _logger, _method, event: _JSON.encode(event)]
    )
    spell = str if readable else escaped
    return [*form, lambda _logger, _method, line: spell(masked(str(line), host))]


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
