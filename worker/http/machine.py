"""What the machine says to every HTTP client on it: its proxies, and the authorities it trusts. As httpx reads it."""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.request import getproxies, proxy_bypass

import certifi
import httpx

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # never by way of a proxy


class Authorities(NamedTuple):
    """Certificate authorities: a file of them, or a folder."""

    file: str | None
    folder: str | None


def authorities() -> Authorities:
    """`SSL_CERT_FILE`, else `SSL_CERT_DIR`, else Mozilla's list as certifi brings it."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return Authorities(file, None)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return Authorities(None, folder)
    return Authorities(certifi.where(), None)


class Proxies:
    """Looked up once for each host."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, int | None], str] = {}

    def of(self, url: httpx.URL) -> str:
        """The proxy's URL, or ""."""
        place = url.scheme, url.host, url.port
        if place not in self._known:
            self._known[place] = proxy_of(url)
        return self._known[place]


def proxy_of(url: httpx.URL) -> str:
    """The proxy's URL, or "" for none: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, but for hosts of `NO_PROXY`."""
    told = getproxies()
    proxy = told.get(url.scheme) or told.get("all") or ""
    if not proxy or url.host in LOOPBACK or _excepted(url, told.get("no", "")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _excepted(url: httpx.URL, hosts: str) -> bool:
    if "*" in (each.strip() for each in hosts.split(",")):
        return True
    return bool(proxy_bypass(url.host) or proxy_bypass(url.netloc.decode("ascii")))
