"""Which hosts are asked, and with what, as the environment says. Real hosts are reached only in production."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from producers.errors import ConfigurationError
from producers.settings import read
from worker.access.credentials import QueryCredentials, load
from worker.http import Kind
from worker.query.access import Access, AppPair, BearerToken, given_access, query_access
from worker.query.session import TIMEOUT_S
from worker.settings import WorkerSettings, checked_host

REAL_HOST = "https://api.rokt.com"
_MADE_UP = AppPair("app-sandbox", "secret-sandbox")  # the sandbox takes it, no real host does


class QueryTimes(Struct, frozen=True):
    """Seconds, for each whole request, connecting included."""

    http_timeout_s: Annotated[float, Meta(gt=0, le=600)] = TIMEOUT_S


class Surroundings(Struct, frozen=True):
    """All that a `QueryClient` needs but its transport. `auth_host` is empty where no token has to be fetched."""

    host: str
    auth_host: str
    access: Access
    timeout_s: float
    http_transport: Kind = "curl"


def surroundings(environ: Mapping[str, str]) -> Surroundings:
    """From the environment and the credentials file. Raises `ConfigurationError` that names the variable."""
    worker = read(WorkerSettings, environ)
    host = _host("FORWARDER_QUERY_URL", worker, environ)
    access = _access(worker, environ)
    auth_host = "" if isinstance(access, BearerToken) else _host("FORWARDER_AUTH_URL", worker, environ)
    times = read(QueryTimes, environ, "query")
    return Surroundings(host, auth_host, access, times.http_timeout_s, worker.http_transport)


def _host(name: str, worker: WorkerSettings, environ: Mapping[str, str]) -> str:
    """Scheme and host; an explicit URL wins."""
    if given := environ.get(name):
        return checked_host(name, given)
    if worker.env == "sandbox":
        return checked_host("FORWARDER_SANDBOX_URL", worker.sandbox_url)
    if worker.env == "testing":
        raise ConfigurationError(
            f"{name}: must be set where FORWARDER_ENV is testing: Rokt has no test host for queries"
        )
    return REAL_HOST


def _access(worker: WorkerSettings, environ: Mapping[str, str]) -> Access:
    file = worker.credentials_file
    in_file = load(Path(file), environ).query if file else QueryCredentials()
    if worker.env == "sandbox":
        return given_access(in_file, environ) or _MADE_UP
    return query_access(in_file, environ)
