"""Where Redis is and how it is reached, read from a URL. Pure; producers, workers and Celery's broker share it.

redis://[user:password@]host[:port][/db]           rediss://…  the same over TLS, verified
unix://[user:password@]/path[?db=0]
sentinel://[user:password@]host[:port][,host[:port]…][/db]?master=NAME
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from producers.errors import ConfigurationError

REDIS_PORT, SENTINEL_PORT = 6379, 26379
_TLS = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_cert_reqs")
_TLS_PARAMETERS = (*_TLS, "ssl_check_hostname")
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "redis": ("db",),
    "rediss": ("db", *_TLS_PARAMETERS),
    "unix": ("db",),
    "sentinel": ("db", "master", "sentinel_username", "sentinel_password", "ssl", *_TLS_PARAMETERS),
}
_CERT_REQS = ("required", "optional", "none")
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Login(NamedTuple):
    """Empty texts: as the default user, without a password."""

    username: str = ""
    password: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """As redis-py's connections call them."""
        return {"username": self.username or None, "password": self.password or None}


class RedisAddress(NamedTuple):
    """One Redis. `hosts`: its own, or those of the sentinels that know where `master` is; none for a socket at `path`.

    `tls`: the ssl_ options of redis-py's connections, or None for an unencrypted one. It holds for the sentinels too.
    """

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    path: str
    db: int
    login: Login
    tls: Mapping[str, Any] | None
    master: str
    sentinel_login: Login

    @property
    def options(self) -> dict[str, Any]:
        """Of a connection to Redis itself, as redis-py calls them, without where it is."""
        return {"db": self.db, **self.login.options, **(self.tls or {})}

    @property
    def place(self) -> dict[str, Any]:
        """Where Redis itself is; empty where sentinels know."""
        if self.master:
            return {}
        return {"path": self.path} if self.path else dict(zip(("host", "port"), self.hosts[0], strict=True))


def parse_redis_url(url: str, variable: str = "FORWARDER_REDIS_URL") -> RedisAddress:
    """Raises `ConfigurationError` that names the variable and the fault, and holds no password."""
    try:
        return _parsed(url)
    except ValueError as error:
        raise ConfigurationError(f"{variable}: {secret_free(url)!r} is no Redis URL: {error}") from None


def fingerprint(address: RedisAddress) -> str:
    """The same for all ways to reach the same Redis at the same place; from it neither place nor login can be read."""
    place = (sorted(address.hosts), address.path, address.db, address.master)
    return sha256(repr(place).encode()).hexdigest()[:16]


def secret_free(url: str) -> str:
    """A URL without user, password and parameters, for messages and logs."""
    shown, _, parameters = url.partition("?")
    head, at, tail = shown.rpartition("@")
    scheme = url.partition("://")[0]
    if "@" in parameters and not at:  # a password with a question mark, perhaps
        return f"{scheme}://…"
    return f"{scheme if '://' in head else '…'}://…@{tail}" if at else shown


def _parsed(url: str) -> RedisAddress:
    """Raises ValueError with a fault that quotes no value."""
    parts = _split(url)
    given = _parameters(parts)
    user_info, _, places = parts.netloc.rpartition("@")
    user, _, password = user_info.partition(":")
    sentinels = parts.scheme == "sentinel"
    if sentinels and not given.get("master"):
        raise ValueError("master=NAME, the name under which the sentinels know Redis, is missing")
    socket = parts.scheme == "unix"
    if socket and (places or parts.path in ("", "/")):
        raise ValueError("a socket is written unix:///path")
    return RedisAddress(
        scheme=parts.scheme,
        hosts=() if socket else tuple(_hosts(places, sentinels)),
        path=unquote(parts.path) if socket else "",
        db=_db(given.get("db") or ("" if socket else parts.path.strip("/"))),
        login=Login(unquote(user), unquote(password)),
        tls=_tls(given) if parts.scheme == "rediss" or _yes(given, "ssl", default=False) else None,
        master=given.get("master", ""),
        sentinel_login=Login(given.get("sentinel_username", ""), given.get("sentinel_password", "")),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:  # its words quote the password
        raise ValueError("its host cannot be read") from None
    if "://" not in url or parts.scheme not in _PARAMETERS:
        raise ValueError("it must begin with redis://, rediss://, unix:// or sentinel://")
    if parts.fragment:
        raise ValueError("a # in it must be written %23")
    return parts


def _parameters(parts: SplitResult) -> dict[str, str]:
    """Those of the query, each known and once."""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    known = _PARAMETERS[parts.scheme]
    for name in given:
        if name not in known:
            raise ValueError(f"{parts.scheme}:// knows no parameter {name[:40]!r}; it knows {', '.join(known)}")
    if len(pairs) > len(given):
        raise ValueError("a parameter stands in it twice")
    if any(name.startswith("ssl_") for name in given) and parts.scheme == "sentinel" and not given.get("ssl"):
        raise ValueError("ssl_ parameters need ssl=true")
    return given


def _hosts(places: str, many: bool) -> Iterator[tuple[str, int]]:
    for place in places.split(",") if many else (places,):
        one = urlsplit(f"//{place}")
        if not one.hostname and many:
            raise ValueError("a host is missing")
        if "," in place:
            raise ValueError("only sentinel:// takes several hosts")
        try:
            port = one.port
        except ValueError:
            raise ValueError("a port is no number between 1 and 65535") from None
        if port == 0:
            raise ValueError("a port is no number between 1 and 65535")
        yield unquote(one.hostname or "localhost"), port or (SENTINEL_PORT if many else REDIS_PORT)


def _db(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("the database is no number")
    return int(text or 0)


def _tls(given: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {name: given[name] for name in _TLS if given.get(name)}
    wanted = str(options.get("ssl_cert_reqs", "required")).lower().removeprefix("cert_")
    if wanted not in _CERT_REQS:
        raise ValueError(f"ssl_cert_reqs is none of {', '.join(_CERT_REQS)}")
    checks = _yes(given, "ssl_check_hostname", default=True)
    return {**options, "ssl_cert_reqs": wanted, "ssl_check_hostname": checks and wanted != "none"}


def _yes(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = given.get(name)
    if text is None:
        return default
    if text.lower() not in _YES_NO:
        raise ValueError(f"{name} is neither true nor false")
    return _YES_NO[text.lower()]


def tls_files(address: RedisAddress) -> Iterable[tuple[str, str]]:
    """The parameters that name a file or a folder, with what they name."""
    names = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
    return [(name, str(address.tls[name])) for name in names if address.tls and name in address.tls]
