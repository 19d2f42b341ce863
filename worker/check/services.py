"""Which destinations an account's credentials serve, as the worker would ask them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from producers.destinations import DESTINATIONS, Destination, Whole
from producers.destinations.accounts import AccountCredentials
from worker.check.fields import API_KEY, APP, KEY_PAIR, TAG, Kind, masked

_APIS: Mapping[str, tuple[str, Kind]] = {
    "/v2/events": ("v2", KEY_PAIR),
    "/v1/events": ("v1", APP),
    "/v3/import/suppression": ("v3", KEY_PAIR),
    "/api/1.0/import/suppression": ("1.0 (legacy)", API_KEY),
    "/v1/partner/events": ("v1", TAG),
}


class Service(Struct, frozen=True):
    """How one destination is asked for an account; or the fields that are `lacking` for it."""

    destination: str
    api: str = ""
    kind: str = ""
    url: str = ""
    lacking: tuple[str, ...] = ()


def services_of(account: str, credentials: AccountCredentials, hosts: Mapping[str, str]) -> list[Service]:
    """One a destination. `hosts`: destination -> scheme and host, where this environment has one."""
    return [_service(to, account, credentials, hosts.get(to.name, "")) for to in DESTINATIONS.values()]


def _service(to: Destination, account: str, credentials: AccountCredentials, host: str) -> Service:
    if lacking := to.missing(credentials):
        return Service(to.name, lacking=tuple(lacking))
    token = "…" if to.client_of(credentials) else ""
    url = to.request(host, Whole(account, "", "include plain", token), [], masked(credentials)).url
    api, kind = _APIS[urlsplit(url).path]
    return Service(to.name, api, kind.name, url)
