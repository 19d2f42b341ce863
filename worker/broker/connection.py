"""kombu's connection, made to come back soon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu
from kombu.transport import pyamqp, redis
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


class _Amqps(pyamqp.SSLTransport):  # type: ignore[misc]
    def establish_connection(self) -> Any:
        """kombu notes the first host's name as the one to find in the certificates of all nodes of a cluster."""
        tls = self.client.ssl
        if isinstance(tls, dict) and "server_hostname" in tls:
            self.client.ssl = {**tls, "server_hostname": None}
        try:
            return super().establish_connection()
        finally:
            self.client.ssl = tls


_OURS = {redis.Transport: _Redis, redis.SentinelTransport: _Sentinel, pyamqp.SSLTransport: _Amqps}


class BrokerConnection(kombu.Connection):  # type: ignore[misc]
    """Tries again every second, for as long as it takes."""

    def get_transport_cls(self) -> Any:
        usual = super().get_transport_cls()
        return _OURS.get(usual, usual)

    @contextmanager
    def answering(self, within_s: float) -> Iterator[None]:
        """RabbitMQ must answer each question in time, else `TimeoutError` is raised; Redis's sockets see to that alone.

        Whatever went wrong, the connection is made anew: an answer that comes late would be taken for the next one.
        """
        if self.transport.driver_type != "amqp":
            yield
            return
        try:
            with self.connection.transport.having_timeout(within_s):
                yield
        except Exception:
            self.collect()
            raise

    def _ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        for name, usual in _USUAL.items():
            kwargs[name] = min(kwargs.get(name, usual), MOST_S)
        return super()._ensure_connection(*args, **kwargs)
