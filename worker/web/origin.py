"""Where a request comes from and whom it asks for: names that are ours, and pages that are ours."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


class Place(NamedTuple):
    """Where the console listens (`host`), and where browsers reach it if that is elsewhere (`url`, of a proxy)."""

    host: str
    url: str = ""

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return self.origin.startswith("https://")

    @property
    def origin(self) -> str:
        """Of `url`, as browsers spell it; empty without one."""
        given = urlsplit(self.url)  # its scheme comes in lower case, its name too
        if not given.hostname:
            return ""
        name = f"[{given.hostname}]" if ":" in given.hostname else given.hostname
        usual = given.port in (None, {"http": 80, "https": 443}.get(given.scheme))
        return f"{given.scheme}://{name}" if usual else f"{given.scheme}://{name}:{given.port}"

    def is_asked_for(self, host: str) -> bool:
        """Whether a `Host` header names us. A page elsewhere may point its own name at our address (DNS rebinding)."""
        name = _name_of(host)
        ours = LOOPBACK_NAMES | {self.host, _name_of(urlsplit(self.url).netloc)} - {""}
        return name in ours or (self.host in ANY and _is_address(name))

    def is_own(self, headers: Mapping[str, str]) -> bool:
        """Whether a request that acts was made by a page of ours. What says nothing about its origin is not."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin", "")
        if site is not None and site != "same-origin":
            return False
        if origin:
            return origin in self._origins(headers.get("host", ""))
        return site is not None

    def _origins(self, host: str) -> set[str]:
        return {f"http://{host.lower().removesuffix(':80')}", self.origin} - {""}


def is_loopback(host: str) -> bool:
    return host in LOOPBACK_NAMES or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _name_of(host: str) -> str:
    if set(host) & set("/?#@\\"):  # no name, but some would read one out of it
        return ""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
