"""kombu's connection, made to come back soon."""

from __future__ import annotations

from typing import Any

import kombu
from celery.app.amqp import AMQP
from kombu.transport import redis
from redis.exceptions import ConnectionError as Disconnected

MOST_S = 1.0  # between two attempts to connect; Celery asks for 2, 4, 6 … 30 s
_USUAL = {"interval_start": 2, "interval_step": 2, "interval_max": 30}


class _Channel:
    """Mixed into kombu's channels."""

    connection: Any

    def _connparams(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if getattr(self.connection, "client", None) is None:
            # A task ended whose message came before the connection broke. kombu fails over it with an AttributeError
            # otherwise, which ends the worker; this one is only logged: the message comes again, and finds no work.
            raise Disconnected("this channel was closed")
        params: dict[str, Any] = super()._connparams(*args, **kwargs)  # type: ignore[misc]  # of the channel
        return params


class _RedisChannel(_Channel, redis.Channel):  # type: ignore[misc]  # kombu ships no types
    pass


class _SentinelChannel(_Channel, redis.SentinelChannel):  # type: ignore[misc]
    pass


class _Redis(redis.Transport):  # type: ignore[misc]
    Channel = _RedisChannel


class _Sentinel(redis.SentinelTransport):  # type: ignore[misc]
    Channel = _SentinelChannel


_OURS = {redis.Transport: _Redis, redis.SentinelTransport: _Sentinel}


class BrokerConnection(kombu.Connection):  # type: ignore[misc]
    """Tries again every second, for as long as it takes."""

    def get_transport_cls(self) -> Any:
        usual = super().get_transport_cls()
        return _OURS.get(usual, usual)

    def _ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        for name, usual in _USUAL.items():
            kwargs[name] = min(kwargs.get(name, usual), MOST_S)
        return super()._ensure_connection(*args, **kwargs)


class Amqp(AMQP):  # type: ignore[misc]
    """Celery's way to the broker, over such a connection."""

    Connection = BrokerConnection
    BrokerConnection = BrokerConnection
