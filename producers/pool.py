"""The producer's pool of connections: to a Redis, or to the one that sentinels name; never waits for long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from redis import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis import sentinel as redis_sentinel
from redis.backoff import NoBackoff
from redis.retry import Retry

from producers.errors import ConfigurationError
from producers.redis_url import RedisAddress, parse_redis_url, tls_files

CONNECT_TIMEOUT_S = 0.4
ANSWER_TIMEOUT_S = 0.5
SENTINELS_TIMEOUT_S = 0.4  # for all of them together; those that hang are asked last from then on
SENTINEL_LEAST_S = 0.1


def connection_pool(url: str) -> ConnectionPool:
    """Connects to nothing yet. Raises `ConfigurationError` for a URL, or a file named in it, that cannot be used."""
    address = usable(parse_redis_url(url))
    options = {
        **address.options,
        **_times(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S),
        "protocol": 2,
        "driver_info": None,  # else two more commands at each connect
        **greeting(address, greet),
    }
    if address.master:
        each_s = max(SENTINEL_LEAST_S, SENTINELS_TIMEOUT_S / len(address.hosts))
        return _sentinel_pool(address, options, _times(each_s, each_s))
    if address.path:
        del options["socket_keepalive"]
    return ConnectionPool(connection_class=connection_class(address), **address.place, **options)


def usable(address: RedisAddress) -> RedisAddress:
    """The address itself. Raises `ConfigurationError` if a file that it names is not there."""
    for parameter, name in tls_files(address):
        if not Path(name).exists():
            raise ConfigurationError(f"FORWARDER_REDIS_URL: {parameter}: there is no {name}")
    return address


def connection_class(address: RedisAddress) -> type[Any]:
    """Of a connection to a Redis that is not found through sentinels."""
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


def _sentinel_pool(
    address: RedisAddress, options: Mapping[str, Any], sentinel_times: Mapping[str, Any]
) -> ConnectionPool:
    untyped: Any = redis_sentinel  # redis-py types it in part
    of_sentinels = sentinel_options(address, {**sentinel_times, **greeting(address, greet)})
    sentinels = untyped.Sentinel(address.hosts, sentinel_kwargs=of_sentinels)
    encrypted = {} if address.tls is None else {"ssl": True}
    pool: ConnectionPool = untyped.SentinelConnectionPool(address.master, sentinels, **encrypted, **options)
    return pool


def _times(connect_s: float, answer_s: float) -> dict[str, Any]:
    return {
        "socket_connect_timeout": connect_s,
        "socket_timeout": answer_s,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
    }
