"""The worker's settings. The only reader of the environment in `worker/`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from producers.destinations import DESTINATIONS, Destination
from producers.destinations.contract import Rate
from producers.errors import ConfigurationError
from producers.redis_url import secret_free
from producers.settings import (
    BatchSettings,
    BufferSettings,
    batch_settings,
    buffer_settings,
    consent_setting,
    read,
    variable,
)
from worker.access.credentials import Credentials, FileCredentials, SandboxCredentials
from worker.broker.amqp_url import parse_amqp_url
from worker.broker.broker import is_amqp, is_redis
from worker.buffer.batches import Bounds, Room
from worker.delivery.retry import RetryPolicy

API_HOSTS = {"production": "https://api.rokt.com"}  # tokens and the Query API


MARGIN_S = 5.0
_HOST = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)


class DeliverySettings(Struct, frozen=True):
    """How one destination is delivered. Seconds; `http_timeout_s` is for the whole request, connecting included.

    `max_age_s`: of a batch, from its first attempt on. `retry_jitter`: the share of a delay left to chance.
    `circuit_failures`: in a row, over all accounts, that open the circuit; 0 for none. `max_dead_letters`: of an
    account, which is parked then; 0 for any number. `in_flight`: most requests of one task at a time;
    `account_in_flight`: most of one account, over all workers. `requests_a_second`: of one account, over all workers;
    0 for any. `rate_scope` makes both of them limits for all accounts together. `records_s`: how long it is known what
    became of a batch; 0: it is not.
    """

    lease_s: Annotated[float, Meta(gt=0, le=86_400)] = 60
    http_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 10
    max_attempts: Annotated[int, Meta(ge=1, le=100_000)] = 120
    max_age_s: Annotated[float, Meta(gt=0, le=31_536_000)] = 259_200
    retry_first_s: Annotated[float, Meta(gt=0, le=3_600)] = 2
    retry_factor: Annotated[float, Meta(ge=1, le=100)] = 2
    retry_jitter: Annotated[float, Meta(ge=0, le=1)] = 1
    retry_longest_s: Annotated[float, Meta(gt=0, le=86_400)] = 600
    retry_after_longest_s: Annotated[float, Meta(gt=0, le=86_400)] = 3_600
    circuit_failures: Annotated[int, Meta(ge=0, le=100_000)] = 20
    circuit_first_s: Annotated[float, Meta(ge=0.05, le=3_600)] = 5
    circuit_longest_s: Annotated[float, Meta(ge=0.05, le=86_400)] = 60
    max_dead_letters: Annotated[int, Meta(ge=0)] = 100_000
    in_flight: Annotated[int, Meta(ge=1, le=1_024)] = 256
    account_in_flight: Annotated[int, Meta(ge=1, le=1_024)] = 32
    requests_a_second: Annotated[float, Meta(ge=0, le=10_000)] = 0
    rate_scope: Literal["account", "destination"] = "account"
    idempotency_keys: bool = False
    task_slice_s: Annotated[float, Meta(gt=0, le=60)] = 5
    records_s: Annotated[int, Meta(ge=0, le=31_536_000)] = 129_600

    @property
    def retry_policy(self) -> RetryPolicy:
        return RetryPolicy(
            first_s=self.retry_first_s,
            factor=self.retry_factor,
            jitter=self.retry_jitter,
            longest_s=self.retry_longest_s,
            max_attempts=self.max_attempts,
            max_age_s=self.max_age_s,
        )

    @property
    def bounds(self) -> Bounds:
        """What the settle script needs to know."""
        delays = round(self.circuit_first_s * 1000), round(max(self.circuit_first_s, self.circuit_longest_s) * 1000)
        return Bounds(self.circuit_failures, *delays, self.max_dead_letters, self.records_s * 1_000)

    @property
    def replay_room(self) -> Room:
        """What replays may have on their way: little enough that what is live hardly waits for it."""
        of_an_account = 1 if self.requests_a_second else max(1, self.account_in_flight // 32)
        return Room(of_an_account, max(of_an_account, min(8, self.in_flight // 4)))

    @property
    def spacing_ms(self) -> int:
        """Between two requests: a little more than the rate asks for, so that a request may come late."""
        return round(1_080 / self.requests_a_second) if self.requests_a_second else 0


class WorkerSettings(Struct, frozen=True):
    """What is the same for all destinations. `env` decides whether real hosts are reached at all.

    `shutdown_timeout_s`: how long a worker that is to end lets the requests finish that are under way.
    `replay_rate`: dead letters a second that a replay sends again unless told.
    `http_transport`: what sends requests: libcurl, or httpx's own transport.
    `metrics_token`: what Prometheus sends to `forwarder metrics`, or to the console; nothing for no token.
    """

    env: Literal["sandbox", "testing", "production"] = "sandbox"
    sandbox_url: str = "http://127.0.0.1:8180"
    credentials_file: str = ""
    data_dir: str = ".forwarder"
    shutdown_timeout_s: Annotated[float, Meta(gt=0, le=3_600)] = 30
    replay_rate: Annotated[float, Meta(gt=0, le=100_000)] = 1_000
    http_transport: Literal["curl", "httpx"] = "curl"
    metrics_token: str = ""


class FlowerSettings(Struct, frozen=True):
    """Who may use Flower, and where it is. `flower_viewers`: `user:password`, by commas; they may only look.

    `flower_url`, `console_url`: where people reach both, for the links between them; empty for none.
    """

    flower_user: str = "forwarder"
    flower_password: str = ""
    flower_viewers: str = ""
    flower_address: str = "127.0.0.1"
    flower_port: Annotated[int, Meta(ge=1, le=65_535)] = 5555
    flower_max_tasks: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    flower_url: str = ""
    console_url: str = ""


class LogSettings(Struct, frozen=True):
    """`log_format`: JSON lines, or readable ones; auto: readable only in a terminal."""

    log_format: Literal["auto", "json", "console"] = "auto"


class ConsoleSettings(Struct, frozen=True):
    """The operator's web page: its token, where it listens, and where browsers reach it and Flower, if elsewhere.

    A token that is given is long enough not to be guessed.
    """

    console_token: Annotated[str, Meta(pattern=r"^([!-~]{16,200})?\Z")] = ""
    console_host: str = "127.0.0.1"
    console_port: Annotated[int, Meta(ge=0, le=65_535)] = 8190
    console_url: str = ""
    flower_url: str = ""


class Settings(Struct, frozen=True):
    """Everything that a worker knows of its surroundings. `hosts`: destination -> scheme and host, where it has one.

    `caps`: destination -> those of its batches. `consent`: where the callback is that is asked before a replay, or "".
    """

    worker: WorkerSettings
    buffer: BufferSettings
    broker_url: str
    log_level: str
    log_format: str
    hosts: Mapping[str, str]
    auth_host: str
    delivery: Mapping[str, DeliverySettings]
    caps: Mapping[str, BatchSettings]
    consent: str


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """From the environment. Raises `ConfigurationError` that names the variable or the field."""
    worker = read(WorkerSettings, environ)
    buffer = buffer_settings(environ)
    delivery = {name: _delivery(environ, name) for name in DESTINATIONS}
    _check_scopes(delivery, buffer.shards)
    _check_shutdown(environ, worker, delivery)
    return Settings(
        worker=worker,
        buffer=buffer,
        broker_url=broker_url(environ, buffer),
        log_level=_log_level(environ),
        log_format=read(LogSettings, environ).log_format,
        hosts={api.name: host for api in DESTINATIONS.values() if (host := _host(api, worker, environ))},
        auth_host=_one_host("FORWARDER_AUTH_URL", worker, environ) or "",
        delivery=delivery,
        caps={name: caps_of(environ)(name) for name in DESTINATIONS},
        consent=consent_setting(environ),
    )


def flower_settings(environ: Mapping[str, str] = os.environ) -> FlowerSettings:
    """From the environment. Raises `ConfigurationError` that names the variable."""
    settings = read(FlowerSettings, environ)
    _check_link("FORWARDER_FLOWER_URL", settings.flower_url)
    _check_link("FORWARDER_CONSOLE_URL", settings.console_url)
    return settings


def _check_link(name: str, url: str) -> None:
    """Raises `ConfigurationError` for what a page must not link to."""
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname or "@" in url):
        raise ConfigurationError(f"{name}: must be an address like https://forwarder.example.com/")


def log_settings(environ: Mapping[str, str] = os.environ, default_level: str = "INFO") -> tuple[str, str]:
    """Level and form of log lines."""
    return _log_level(environ, default_level), read(LogSettings, environ).log_format


def console_settings(environ: Mapping[str, str]) -> ConsoleSettings:
    """From `FORWARDER_CONSOLE_*`. Raises `ConfigurationError`, which never quotes the token."""
    settings = read(ConsoleSettings, environ)
    if settings.console_url:
        checked_host("FORWARDER_CONSOLE_URL", settings.console_url)
    _check_link("FORWARDER_FLOWER_URL", settings.flower_url)
    return settings


def broker_url(environ: Mapping[str, str], buffer: BufferSettings) -> str:
    """Celery's broker, which has the queue of the intake too. Raises `ConfigurationError` for what is no such URL."""
    url = environ.get("FORWARDER_BROKER_URL") or environ.get("CELERY_BROKER_URL") or buffer.redis_url
    variable = "FORWARDER_BROKER_URL" if environ.get("FORWARDER_BROKER_URL") else "CELERY_BROKER_URL"
    if is_amqp(url):
        parse_amqp_url(url, variable)
    elif not is_redis(url):  # kombu knows more, but not how to keep what we promise
        raise ConfigurationError(f"{variable}: {secret_free(url)!r} is neither a Redis nor an amqp:// or amqps:// URL")
    return url


def open_credentials(worker: WorkerSettings, environ: Mapping[str, str] = os.environ) -> Credentials:
    """Whose keys are used. Raises `ConfigurationError` that names the file and the field, or the missing setting."""
    if worker.credentials_file:
        return FileCredentials(Path(worker.credentials_file), environ)
    if worker.env == "sandbox":
        return SandboxCredentials()
    raise ConfigurationError(f"FORWARDER_CREDENTIALS_FILE: must be set where FORWARDER_ENV is {worker.env}")


def needs_sandbox(environ: Mapping[str, str]) -> bool:
    """Whether some destination goes to the sandbox: the environment says so, and no URL of its own wins over it."""
    return read(WorkerSettings, environ).env == "sandbox" and not all(
        environ.get(_url_variable(name)) for name in DESTINATIONS
    )


def caps_of(environ: Mapping[str, str]) -> Callable[[str], BatchSettings]:
    """The caps of a destination."""

    def caps(name: str) -> BatchSettings:
        to = DESTINATIONS[name]
        return batch_settings(environ, name, max_events=to.max_events, max_bytes=to.max_bytes)

    return caps


def data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where `forwarder up` keeps its Redis data: `FORWARDER_DATA_DIR`."""
    return Path(read(WorkerSettings, environ).data_dir)


def replay_rate(environ: Mapping[str, str]) -> float:
    """Dead letters a second that a replay sends again unless told."""
    return read(WorkerSettings, environ).replay_rate


def metrics_token(environ: Mapping[str, str]) -> str:
    """What Prometheus must send; nothing for no token."""
    return read(WorkerSettings, environ).metrics_token


def shutdown_timeout_s(environ: Mapping[str, str]) -> float:
    """How long a worker in this environment needs at most to end in order."""
    return read(WorkerSettings, environ).shutdown_timeout_s


def longest_task_s(settings: Settings) -> float:
    """A task that runs for longer hangs: what it claimed last has lapsed, and so has the time to settle it."""
    return MARGIN_S + max(each.task_slice_s + each.lease_s + each.http_timeout_s for each in settings.delivery.values())


def longest_lease_s(environ: Mapping[str, str]) -> float:
    """After which whatever is in flight now is settled, or may be claimed by somebody else."""
    return max(_delivery(environ, name).lease_s for name in DESTINATIONS)


def longest_record_s(environ: Mapping[str, str]) -> int:
    """For how long some destination keeps the records of its batches."""
    return max(_delivery(environ, name).records_s for name in DESTINATIONS)


def _check_scopes(delivery: Mapping[str, DeliverySettings], shards: int) -> None:
    for name, settings in delivery.items():
        if settings.rate_scope == "destination" and shards > 1:
            variable_name = f"FORWARDER_{name.upper().replace('-', '_')}_RATE_SCOPE"
            raise ConfigurationError(
                f"{variable_name}: one limit for all accounts needs FORWARDER_SHARDS=1, not {shards}"
            )


def _check_shutdown(
    environ: Mapping[str, str], worker: WorkerSettings, delivery: Mapping[str, DeliverySettings]
) -> None:
    """An end in order lets any request finish."""
    name, slowest = max(delivery.items(), key=lambda each: each[1].http_timeout_s)
    if worker.shutdown_timeout_s <= slowest.http_timeout_s:
        raise ConfigurationError(
            f"FORWARDER_SHUTDOWN_TIMEOUT_S: {worker.shutdown_timeout_s:g} s must be longer than "
            f"{variable(environ, 'http_timeout_s', name)}, {slowest.http_timeout_s:g} s ({name}): "
            "else a worker that ends cuts off requests that may have arrived"
        )


def _delivery(environ: Mapping[str, str], destination: str) -> DeliverySettings:
    rate = DESTINATIONS[destination].rate
    settings = read(DeliverySettings, environ, destination, _limits(rate) if rate else {})
    if settings.lease_s <= settings.http_timeout_s:
        raise ConfigurationError(
            f"{variable(environ, 'lease_s', destination)}: {settings.lease_s:g} s must be longer than "
            f"FORWARDER_HTTP_TIMEOUT_S, {settings.http_timeout_s:g} s ({destination}): "
            "else two workers may send one batch"
        )
    return settings


def _limits(rate: Rate) -> dict[str, object]:
    """Of an API that asks for them; its requests are few and large, so a task holds few of them."""
    at_a_time = rate.requests_at_a_time
    limits = {"requests_a_second": rate.requests_a_second, "account_in_flight": at_a_time, "in_flight": 2 * at_a_time}
    return dict(limits)


def _host(api: Destination, worker: WorkerSettings, environ: Mapping[str, str]) -> str | None:
    """Scheme and host of an API; None where this environment has none. An explicit URL wins."""
    name = _url_variable(api.name)
    return _one_host(name, worker, environ, api.hosts)


def _one_host(
    name: str, worker: WorkerSettings, environ: Mapping[str, str], hosts: Mapping[str, str] = API_HOSTS
) -> str | None:
    if given := environ.get(name):
        return checked_host(name, given)
    if worker.env == "sandbox":
        return checked_host("FORWARDER_SANDBOX_URL", worker.sandbox_url)
    return hosts.get(worker.env)


def _url_variable(destination: str) -> str:
    return f"FORWARDER_{destination.upper().replace('-', '_')}_URL"


def checked_host(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigurationError(f"{name}: must be scheme and host alone, like https://api.example.com")
    return f"{parts.scheme}://{parts.netloc}"


def _log_level(environ: Mapping[str, str], default: str = "INFO") -> str:
    level = (environ.get("LOG_LEVEL") or default).upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ConfigurationError(f"LOG_LEVEL: {level!r} is none of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    return level
