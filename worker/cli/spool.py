"""`forwarder spool status` and `flush`: what waits on this machine's disk, and how it comes to Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from socket import gethostname
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from producers import ConfigurationError
from producers.destinations import DESTINATIONS
from producers.producer import Producer
from producers.settings import BatchSettings, BufferSettings, SpoolSettings, buffer_settings, spool_settings
from worker.cli.audit import acting
from worker.cli.context import JsonOption, WhyOption, buffer_of, environment, plain, print_json
from worker.operating.audit import NotAudited
from worker.settings import caps_of

if TYPE_CHECKING:
    from producers.spool.status import SpoolStatus

app = typer.Typer(help="Events that Redis did not take in time, on this machine's disk.", no_args_is_help=True)


@app.command("status")
def status(as_json: JsonOption = False) -> None:
    """Its files: whose they are, what waits in them and for how long, and what Redis refused for good."""
    from producers.spool.folder import Folder
    from producers.spool.home import home_of
    from producers.spool.status import look

    environ = environment()
    settings, home = _settings(environ), home_of(buffer_settings(environ))
    files = _readable(settings, lambda: look(Folder(settings.folder, settings.spool_max_bytes), home))
    if as_json:
        print_json(_told(settings, files))
        return
    for line in [line for each in files for line in _lines(each)]:
        typer.echo(line)
    typer.echo(_sum(settings, files))


@app.command("flush")
def flush(
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")] = 60,
    refused: Annotated[bool, typer.Option("--refused", help="Try again what Redis refused for good.")] = False,
    other_redis: Annotated[bool, typer.Option("--other-redis", help="Also what was meant for another Redis.")] = False,
    why: WhyOption = "",
) -> None:
    """Bring what waits to Redis, once: files without an owner now; living owners empty theirs. 1 says what is left."""
    from producers.spool.emptying import Emptying
    from producers.spool.folder import Folder
    from producers.spool.home import home_of
    from producers.spool.status import look

    environ = environment()
    settings = _settings(environ)
    buffer = buffer_of(environ)
    folder = Folder(settings.folder, settings.spool_max_bytes)
    producer = Producer(buffer, _batches(environ))
    home = home_of(buffer)
    if other_redis:
        home = home._replace(redis="")
    emptying = Emptying(folder, home, settings.spool_sync, producer.appender)
    details = {"machine": gethostname(), "refused": refused, "other_redis": other_redis}
    before = _waiting(_readable(settings, lambda: look(folder, home)), refused)
    try:
        with _noted(buffer, details if before else None, why) as told:
            if refused:
                emptying.retry_refused()
            left = _readable(settings, lambda: emptying.run(timeout))
            told["flushed"] = max(0, before - _waiting(left, refused))
    finally:
        producer.close()
    for line in [line for each in left for line in _lines(each)]:
        typer.echo(line, err=True)
    if left:
        if emptying.trouble:
            typer.echo(f"Redis: {plain(emptying.trouble)}", err=True)
        raise typer.Exit(1)
    typer.echo("nothing is left in the spool")


def _waiting(files: Sequence[SpoolStatus], refused: bool) -> int:
    return sum(each.events + (each.refused if refused else 0) for each in files)


@contextmanager
def _noted(buffer: BufferSettings, details: Mapping[str, Any] | None, why: str) -> Iterator[dict[str, Any]]:
    """In the audit, if there is anything to bring. A shop's user of Redis may be kept from it: that stops no event."""
    with ExitStack() as stack:
        told: dict[str, Any] = {}
        if details is not None:
            try:
                told = stack.enter_context(acting(buffer, "spool flush", details, why))
            except NotAudited as error:
                typer.echo(plain(str(error)), err=True)
        yield told


def _batches(environ: Mapping[str, str]) -> dict[str, BatchSettings]:
    caps = caps_of(environ)
    return {name: caps(name) for name in DESTINATIONS}


def _settings(environ: Mapping[str, str]) -> SpoolSettings:
    settings = spool_settings(environ, _batches(environ))
    if settings is None:
        raise ConfigurationError("FORWARDER_SPOOL_DIR: is not set, so there is no spool")
    return settings


def _readable(settings: SpoolSettings, question: Callable[[], list[SpoolStatus]]) -> list[SpoolStatus]:
    try:
        return question()
    except OSError as error:
        raise ConfigurationError(f"FORWARDER_SPOOL_DIR: {settings.folder}: {error.strerror or error}") from None


def _told(settings: SpoolSettings, files: Sequence[SpoolStatus]) -> dict[str, Any]:
    return {
        "folder": str(settings.folder),
        "events": sum(each.events for each in files),
        "bytes": sum(each.bytes for each in files),
        "refused": sum(each.refused for each in files),
        "files": msgspec.to_builtins(files),
    }


def _sum(settings: SpoolSettings, files: Sequence[SpoolStatus]) -> str:
    told = _told(settings, files)
    if not files:
        return f"{settings.folder}: nothing is in the spool"
    return f"{settings.folder}: {told['events']} events wait, {told['refused']} refused, in {len(files)} files"


def _lines(each: SpoolStatus) -> Iterator[str]:
    """A line for the file, and one for each event in it that Redis refused."""
    if each.state in ("corrupt", "unreadable"):
        yield f"{each.file}: cannot be read; kept as it is ({each.bytes} bytes){': ' * bool(each.fault)}{each.fault}"
        return
    owner = f"of process {each.pid} on {each.host}" if each.state == "alive" else "of a process that ended"
    age = "" if each.oldest_age_s is None else f" ({each.bytes} bytes), the oldest for {each.oldest_age_s:.0f} s"
    why = f": {plain(each.why)}" if each.why else ""
    yield f"{each.file}, {owner}, for {each.prefix}: {each.events} events wait{age}{why}"
    if each.foreign and each.state == "orphan":
        yield f"  {plain(each.foreign)}"
    for refused in each.refusals:
        yield f"  refused: {refused.destination} {plain(refused.id)}: {plain(refused.reason)}"
    if each.refused > len(each.refusals):
        yield f"  and {each.refused - len(each.refusals)} more"
