"""`forwarder console`: the operator's web page."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from producers import Producer
from producers.errors import ConfigurationError
from worker.cli.context import buffer_of, environment, out
from worker.console.access import Access
from worker.console.app import create_app
from worker.console.desk import Surroundings
from worker.logs import configure
from worker.metrics.exposition import metrics_text
from worker.metrics.samples import series
from worker.second_consent import consent_of, entrance
from worker.settings import broker_url, caps_of, console_settings, log_settings, metrics_token, replay_rate
from worker.web.origin import Place, is_loopback
from worker.web.server import serve

PortOption = Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one. [default: 8190]")]


def console(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: PortOption = None,
) -> None:
    """Serve the operator's web page until Ctrl-C. Its token: FORWARDER_CONSOLE_TOKEN, or one shown on the terminal."""
    environ = environment()
    settings = console_settings(environ)
    place = Place(host or settings.console_host, settings.console_url)
    if not (settings.console_token or is_loopback(place.host)):
        raise ConfigurationError(f"FORWARDER_CONSOLE_TOKEN: must be set where the console listens on {place.host}")
    if not (settings.console_token or sys.stdout.isatty()):  # a made-up one would stay in a journal or a file
        raise ConfigurationError("FORWARDER_CONSOLE_TOKEN: must be set where no terminal shows one that is made up")
    token = settings.console_token or secrets.token_urlsafe(24)
    configure("INFO", log_settings(environ)[1])  # to standard error
    app = create_app(surroundings(environ), Access(token), place)
    given = settings.console_port if port is None else port

    def announce(url: str) -> None:
        _say("console", url)
        if not settings.console_token:
            _say("token", token)

    try:
        asyncio.run(serve(app, place.host, given, announce))
    except OSError as error:
        typer.echo(f"forwarder: cannot listen on {place.host} port {given}: {error.strerror}", err=True)
        raise typer.Exit(1) from None


def surroundings(environ: Mapping[str, str]) -> Surroundings:
    """What the console reads and acts on."""
    producer = Producer.patient(environ)
    return Surroundings(
        buffer=buffer_of(environ),
        batches=caps_of(environ),
        enqueue=entrance(producer),
        preparer=producer.preparer,
        replay_rate=replay_rate(environ),
        consent=consent_of(environ),
        flower_url=console_settings(environ).flower_url,
        series=series,
        metrics=lambda redis, buffer: metrics_text(redis, buffer, broker_url(environ, buffer)),
        metrics_token=metrics_token(environ),
    )


def _say(name: str, text: str) -> None:
    out.print(f"{name:>8}  {text}", highlight=False, markup=False, soft_wrap=True)
    out.file.flush()
