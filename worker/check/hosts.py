"""Which hosts would be reached, as the environment says, and whether they are Rokt's real ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from producers.destinations import DESTINATIONS
from worker.query.surroundings import surroundings
from worker.settings import API_HOSTS, Settings

REAL_HOSTS = frozenset(
    urlsplit(url).hostname
    for url in (API_HOSTS["production"], *(to.hosts["production"] for to in DESTINATIONS.values()))
)
_SOME_TOKEN = {
    "FORWARDER_CREDENTIALS_FILE": "",
    "ROKT_APP_ID": "",
    "ROKT_APP_SECRET": "",
    "ROKT_BEARER_TOKEN": "x",
}


def hosts_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Destination, `token` or `query` -> scheme and host; empty where this environment has none."""
    destinations = {name: settings.hosts.get(name, "") for name in DESTINATIONS}
    return {**destinations, "token": settings.auth_host, "query": _query_host(environ)}


def real(hosts: Iterable[str]) -> list[str]:
    """Those that are Rokt's own, in production."""
    return sorted({host for host in hosts if urlsplit(host).hostname in REAL_HOSTS})


def _query_host(environ: Mapping[str, str]) -> str:
    """The host alone: whose credentials ask is another question. Rokt has no test host for queries."""
    if environ.get("FORWARDER_ENV") == "testing" and not environ.get("FORWARDER_QUERY_URL"):
        return ""
    return surroundings({**environ, **_SOME_TOKEN}).host
