"""How a connection to Redis is made: its class, its options, its first words. Workers share most of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from redis import Connection, SSLConnection, UnixDomainSocketConnection
from redis import sentinel as redis_sentinel
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from producers.connection.deadline_socket import DeadlineSocket
from producers.connection.link import Link
from producers.errors import ConfigurationError
from producers.redis_url import RedisAddress, tls_files

CONNECT_TIMEOUT_S = 1.0
GREETING_TIMEOUT_S = 1.0  # from the first word to the PONG
SENTINEL_TIMEOUT_S = 0.25  # of each; those that hang are asked last from then on


class Connecting:
    """Makes connections to the Redis of an address, or to the one that its sentinels name. For one thread alone."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._class: Any = type("Bounded", (_Bounded, connection_class(address)), {})
        kept = {} if address.path else {"socket_keepalive": True}
        self._options = {**address.options, **_times(CONNECT_TIMEOUT_S, GREETING_TIMEOUT_S), **kept, "protocol": 2}
        self._sentinels = _sentinels(address) if address.master else None

    def link(self) -> Link:
        """A connection on which Redis has answered. Raises RedisError or OSError, some seconds later at the worst."""
        place = self._place()
        connection = self._class(**place, **self._options, driver_info=None, redis_connect_func=_greet)
        try:
            connection.connect()
        except BaseException:
            connection.disconnect()
            raise
        return Link(connection, connection.bounded, tuple(place.values()))

    def close(self) -> None:
        """Its own connections, to the sentinels; they come again with the next question."""
        if self._sentinels is not None:
            self._sentinels.close()

    def _place(self) -> dict[str, Any]:
        if self._sentinels is None:
            return self._address.place
        host, port = self._sentinels.discover_master(self._address.master)
        return {"host": host, "port": port}


class _Bounded:
    """Mixed into redis-py's connections: its socket keeps to a deadline."""

    bounded: DeadlineSocket

    def _connect(self) -> DeadlineSocket:
        sock = super()._connect()  # type: ignore[misc]  # of the connection it is mixed into
        self.bounded = DeadlineSocket(sock, monotonic() + GREETING_TIMEOUT_S)
        return self.bounded


def usable(address: RedisAddress) -> RedisAddress:
    """The address itself. Raises `ConfigurationError` if a file that it names is not there."""
    for parameter, name in tls_files(address):
        if not Path(name).exists():
            raise ConfigurationError(f"FORWARDER_REDIS_URL: {parameter}: there is no {name}")
    return address


def connection_class(address: RedisAddress) -> type[Any]:
    """Of a connection to a Redis itself, however it was found."""
    if address.path:
        return UnixDomainSocketConnection
    return Connection if address.tls is None else SSLConnection


def sentinel_options(address: RedisAddress, options: Mapping[str, Any]) -> dict[str, Any]:
    """Of redis-py's client of one sentinel: its own login, the same encryption."""
    tls = {} if address.tls is None else {"ssl": True, **address.tls}
    return {**options, **address.sentinel_login.options, **tls, "driver_info": None}


def greeting(address: RedisAddress, greet: Callable[[Any], Any]) -> dict[str, Any]:
    """Over TLS a first answer is read at once: else redis-py takes the server's session ticket for stray data."""
    return {} if address.tls is None else {"redis_connect_func": greet}


def greet(connection: Any) -> None:
    connection.on_connect()
    connection.send_command("PING", check_health=False)
    connection.read_response()


def _greet(connection: Any) -> None:
    """A Redis that hangs takes connections; one that forbids PING has answered."""
    try:
        greet(connection)
    except NoPermissionError as error:
        if "ping" not in str(error).lower():
            raise


def _sentinels(address: RedisAddress) -> Any:
    untyped: Any = redis_sentinel  # redis-py types it in part
    times = _times(SENTINEL_TIMEOUT_S, SENTINEL_TIMEOUT_S)
    options = sentinel_options(address, {**times, "socket_keepalive": True, **greeting(address, greet)})
    return untyped.Sentinel(address.hosts, sentinel_kwargs=options)


def _times(connect_s: float, answer_s: float) -> dict[str, Any]:
    return {"socket_connect_timeout": connect_s, "socket_timeout": answer_s, "retry": Retry(NoBackoff(), 0)}
