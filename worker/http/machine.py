"""What the machine says to every HTTP client on it: its proxies, and the authorities it trusts. As httpx reads it."""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.request import getproxies, proxy_bypass_environment

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


def proxy_of(url: httpx.URL) -> str:
    """The proxy's URL, or "" for none: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, but for hosts of `NO_PROXY`."""
    told = getproxies()
    proxy = told.get(url.scheme) or told.get("all") or ""
    if not proxy or url.host in LOOPBACK or _excepted(url, told):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _excepted(url: httpx.URL, told: dict[str, str]) -> bool:
    hosts = [each.strip() for each in told.get("no", "").split(",")]
    return "*" in hosts or bool(proxy_bypass_environment(url.netloc.decode("ascii"), told))
