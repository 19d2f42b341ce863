"""Where RabbitMQ is and how it is reached, read from a URL. Pure.

amqp://[user:password@]host[:port]/[virtual host]     amqps://…  the same over TLS, verified
Several of them, with `;` between, are the nodes of one cluster.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

from producers.errors import ConfigurationError
from producers.redis_url import secret_free

SCHEMES = ("amqp", "amqps")
TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_CERT_REQS = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_HOST = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)


class AmqpAddress(NamedTuple):
    """`url`: as kombu takes it, without parameters. `tls`: py-amqp's options of a socket, or None for a plain one.

    A `server_hostname` of None in them stands for the host that is connected to.
    """

    url: str
    tls: Mapping[str, Any] | None


def parse_amqp_url(url: str, variable: str = "FORWARDER_BROKER_URL") -> AmqpAddress:
    """Raises `ConfigurationError` that names the variable and the fault, and holds no password."""
    try:
        each = [_parsed(one) for one in _nodes(url)]
        if any(one.tls != each[0].tls for one in each):
            raise ValueError("all of several nodes must be reached in the same way")
    except ValueError as error:
        raise ConfigurationError(f"{variable}: {shown(url)!r} is no AMQP URL: {error}") from None
    return AmqpAddress(";".join(one.url for one in each), each[0].tls)


def shown(url: str) -> str:
    """Without user, password and parameters, for messages and logs."""
    return ";".join(secret_free(one) for one in _nodes(url))


def _nodes(url: str) -> list[str]:
    return re.split(r";(?=amqps?://)", url)


def _parsed(url: str) -> AmqpAddress:
    """Raises ValueError with a fault that quotes no value."""
    parts = _split(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = TLS if parts.scheme == "amqps" else ()
    for name in given:
        if name not in known:
            raise ValueError(f"{parts.scheme}:// knows no parameter {name[:40]!r}")
    tls = _tls(given) if parts.scheme == "amqps" else None
    return AmqpAddress(parts._replace(query="").geturl(), tls)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:  # its words quote the password
        raise ValueError("its host cannot be read") from None
    if "://" not in url or parts.scheme not in SCHEMES:
        raise ValueError("it must begin with amqp:// or amqps://")
    if parts.fragment:
        raise ValueError("a # in it must be written %23")
    if ";" in url:
        raise ValueError("a ; in it must be written %3B")
    if "/" in parts.path[1:] and parts.path != "//":
        raise ValueError("a / in the name of the virtual host must be written %2F")
    if not _HOST.fullmatch(parts.hostname or ""):
        raise ValueError("its host is missing or cannot be read; special characters of a password are written %40")
    if not _has_port(parts):
        raise ValueError("its port is no number between 1 and 65535")
    return parts


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _tls(given: Mapping[str, str]) -> dict[str, Any]:
    wanted = given.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if wanted not in _CERT_REQS:
        raise ValueError(f"ssl_cert_reqs is none of {', '.join(_CERT_REQS)}")
    checks = _YES_NO.get(given.get("ssl_check_hostname", "true").lower())
    if checks is None:
        raise ValueError("ssl_check_hostname is neither true nor false")
    files = {name.removeprefix("ssl_"): given[name] for name in TLS[:3] if given.get(name)}
    host = {"server_hostname": None} if checks and wanted != "none" else {}
    return {**files, **host, "cert_reqs": _CERT_REQS[wanted]}
