"""`forwarder metrics`: what Prometheus asks for."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from producers.errors import ConfigurationError
from worker.cli.context import environment, out
from worker.connection.client import with_redis
from worker.settings import load_settings
from worker.web.origin import is_loopback


def metrics(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 9464,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    open_: Annotated[bool, typer.Option("--open", help="To whoever gets there, without a token.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the metrics and end.")] = False,
) -> None:
    """Serve /metrics for Prometheus until Ctrl-C.

    Where FORWARDER_METRICS_TOKEN is set, only to who sends it as a bearer token; it must be, away from loopback.
    """
    from worker.metrics.exposition import metrics_text
    from worker.metrics.server import create_app
    from worker.web.server import serve

    settings = load_settings(environment())
    buffer, broker_url = settings.buffer, settings.broker_url
    if once:
        text = asyncio.run(with_redis(buffer.redis_url, lambda redis: metrics_text(redis, buffer, broker_url)))
        typer.echo(text, nl=False)
        return
    token = settings.worker.metrics_token
    if not (token or open_ or is_loopback(host)):
        raise ConfigurationError(f"FORWARDER_METRICS_TOKEN: must be set where metrics listen on {host}, or say --open")
    app = create_app(buffer, broker_url, token, "" if token or open_ else host)
    try:
        asyncio.run(
            serve(app, host, port, lambda url: out.print(f"metrics  {url}/metrics", highlight=False, soft_wrap=True))
        )
    except OSError as error:
        typer.echo(f"forwarder: cannot listen on {host} port {port}: {error.strerror}", err=True)
        raise typer.Exit(1) from None
