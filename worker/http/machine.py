"""What the machine says to every HTTP client on it: its proxies, and the authorities it trusts. As httpx reads it."""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.request import getproxies, proxy_bypass

import certifi
import httpx

from worker.http.limits import ProxyUnusable

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}  # of proxies; SOCKS over libcurl alone
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
    """The proxy's URL, or "" for none: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, but for hosts of `NO_PROXY`.

    In ASCII, with what else a password may hold as percents. Raises `ProxyUnusable`.
    """
    told = getproxies()
    proxy = told.get(url.scheme) or told.get("all") or ""
    if not proxy or url.host in LOOPBACK or _excepted(url, told.get("no", "")):
        return ""
    return _usable(proxy if "://" in proxy else f"http://{proxy}")


def _usable(proxy: str) -> str:
    try:
        url = httpx.URL(proxy)
    except (httpx.InvalidURL, ValueError):
        raise ProxyUnusable("a proxy that is no URL") from None
    port = _PORTS.get(url.scheme, 0) if url.port is None else url.port
    if not (url.host and url.scheme in _PORTS and 0 < port < 65_536):
        raise ProxyUnusable("a proxy of another kind, or without a host")
    login, host = url.userinfo.decode("ascii"), url.copy_with(port=None).netloc.decode("ascii")
    return f"{url.scheme}://{login and login + '@'}{host}:{port}"  # libcurl would take 1080 where none is told


def _excepted(url: httpx.URL, hosts: str) -> bool:
    if "*" in (each.strip() for each in hosts.split(",")):
        return True
    return bool(proxy_bypass(url.host) or proxy_bypass(url.netloc.decode("ascii")))
