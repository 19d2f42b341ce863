"""The worker's pools of connections.

A connection whose Redis became a replica is dropped: the next goes to the primary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from hiredis import pack_command
from redis import ConnectionPool
from redis import asyncio as redis_asyncio
from redis import sentinel as redis_sentinel
from redis.asyncio import sentinel as async_sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from producers.connection.connecting import connection_class, greet, greeting, sentinel_options, usable
from producers.redis_url import RedisAddress, parse_redis_url

ANSWER_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 2.0
SENTINEL_TIMEOUT_S = 0.5  # those that hang are asked last from then on
_Sync: Any = redis_sentinel  # redis-py types them in part
_Async: Any = async_sentinel
_PACKER = HiredisRespSerializer()
_DEMOTED = "this Redis is a replica now, after a failover"


def sync_pool(url: str, **times: float) -> ConnectionPool:
    """Connects to nothing yet. Raises `ConfigurationError` for a URL, or a file named in it, that cannot be used."""
    address = usable(parse_redis_url(url))
    shared = {"retry": Retry(NoBackoff(), 0), **greeting(address, greet)}
    options = {**_options(address, shared, _sync_class(address)), **times}
    if address.master:
        sentinels = _Sync.Sentinel(address.hosts, sentinel_kwargs=_of_sentinels(address, shared))
        pool: ConnectionPool = _Sync.SentinelConnectionPool(address.master, sentinels, **options)
        return pool
    return ConnectionPool(**address.place, **options)


def async_pool(url: str) -> redis_asyncio.ConnectionPool:
    """The same for asyncio."""
    address = usable(parse_redis_url(url))
    shared = {"retry": AsyncRetry(NoBackoff(), 0), **greeting(address, _async_greet)}
    options = _options(address, shared, _async_class(address))
    if address.master:
        sentinels = _Async.Sentinel(address.hosts, sentinel_kwargs=_of_sentinels(address, shared))
        made: Any = _AsyncSentinelPool
        pool: redis_asyncio.ConnectionPool = made(address.master, sentinels, **options)
        return pool
    return redis_asyncio.ConnectionPool(**address.place, **options)


def _options(address: RedisAddress, shared: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    times = {"socket_timeout": ANSWER_TIMEOUT_S, "socket_connect_timeout": CONNECT_TIMEOUT_S}
    kept = {} if address.path else {"socket_keepalive": True}
    ours = {"protocol": 2, "driver_info": None, "connection_class": kind}
    return {**address.options, **times, **kept, **shared, **ours}


def _of_sentinels(address: RedisAddress, shared: Mapping[str, Any]) -> dict[str, Any]:
    times = {"socket_timeout": SENTINEL_TIMEOUT_S, "socket_connect_timeout": SENTINEL_TIMEOUT_S}
    return sentinel_options(address, {**times, **shared})


async def _async_greet(connection: Any) -> None:
    await connection.on_connect()
    await connection.send_command("PING", check_health=False)
    await connection.read_response()


class _Drops:
    """As redis-py's own connections do it where sentinels know the primary."""

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().read_response(*args, **kwargs)  # type: ignore[misc]  # of the connection it is mixed into
        except ReadOnlyError:
            self.disconnect()  # type: ignore[attr-defined]
            raise Disconnected(_DEMOTED) from None


class Exchanging:
    """What each connection for asyncio can do beside redis-py's own: many commands and their answers at once."""

    async def exchange(self: Any, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The answers, errors among them, under one time-out. Raises when the connection fails.

        redis-py's pipelines pack each argument in Python and set up a time-out an answer: a third of what a turn of
        hundreds of batches costs the worker.
        """
        await self.send_packed_command([pack_command(tuple(command)) for command in commands])
        read = self._parser.read_response
        try:
            async with asyncio.timeout(self.socket_timeout):
                answers = [await read() for _ in commands]
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise TimedOut(f"no answer within {self.socket_timeout} s") from None
        except OSError as error:
            await self.disconnect(nowait=True)
            raise Disconnected(f"while reading an answer: {error}") from None
        except BaseException:
            await self.disconnect(nowait=True)  # or what was not read would answer the next command
            raise
        if any(isinstance(answer, ReadOnlyError) for answer in answers):
            await self.disconnect()
            raise Disconnected(_DEMOTED)
        return answers

    def pack_command(self, *args: Any) -> list[bytes]:
        packed: list[bytes] = _PACKER.pack(*args)
        return packed


class _AsyncDrops(Exchanging):
    async def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super().read_response(*args, **kwargs)  # type: ignore[misc]
        except ReadOnlyError:
            await self.disconnect()  # type: ignore[attr-defined]
            raise Disconnected(_DEMOTED) from None


def _sync_class(address: RedisAddress) -> Any:
    if address.master:  # these drop by themselves
        usual = _Sync.SentinelManagedConnection if address.tls is None else _Sync.SentinelManagedSSLConnection
    else:
        usual = connection_class(address)
    return type(usual.__name__, (_Drops, usual), {})


def _async_class(address: RedisAddress) -> Any:
    usual: Any
    if address.master:
        usual = _Async.SentinelManagedConnection if address.tls is None else _Async.SentinelManagedSSLConnection
    elif address.path:
        usual = redis_asyncio.UnixDomainSocketConnection
    else:
        usual = redis_asyncio.Connection if address.tls is None else redis_asyncio.SSLConnection
    return type(usual.__name__, (_AsyncDrops, usual), {})


class _AsyncSentinelPool(async_sentinel.SentinelConnectionPool):
    """Closes its connections to the sentinels with its own."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:
            await self.sentinel_manager.aclose()
