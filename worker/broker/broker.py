"""Where Celery's broker is, as kombu wants to be told it. Pure: a Redis URL serves events and broker."""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple
from urllib.parse import quote

from redis.backoff import NoBackoff
from redis.retry import Retry

from producers.redis_url import Login, RedisAddress, parse_redis_url
from worker.broker.amqp_url import SCHEMES, parse_amqp_url

OURS = ("redis", "rediss", "unix", "sentinel")
SENTINEL_TIMEOUT_S = 0.5
REDIS_OPTIONS: dict[str, Any] = {
    "socket_timeout": 3,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 2,
}
_CERT_REQS = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}


class Broker(NamedTuple):
    """What `kombu.Connection` takes; `hostname` is the URL. `ssl` is False or a dict of its client's options."""

    hostname: str
    transport_options: dict[str, Any]
    ssl: Any


def broker(url: str, **redis_options: Any) -> Broker:
    """`redis_options` are transport options that only a Redis takes. What RabbitMQ is sent, it has to confirm.

    Raises `ConfigurationError` for a URL of Redis or RabbitMQ that cannot be used; another's is kombu's own affair.
    """
    if is_amqp(url):
        address = parse_amqp_url(url)
        return Broker(address.url, {"confirm_publish": True}, dict(address.tls) if address.tls else False)
    if not is_redis(url):
        return Broker(url, {}, False)
    options = {**REDIS_OPTIONS, **redis_options}
    if url.partition("://")[0] not in OURS or ";" in url:  # kombu's spelling: redis+socket://, valkey://, …
        return Broker(url, options, False)
    return _redis(parse_redis_url(url, "FORWARDER_BROKER_URL"), options)


def is_redis(url: str) -> bool:
    return url.startswith(("redis", "unix", "sentinel", "valkey"))


def is_amqp(url: str) -> bool:
    """Whether it is RabbitMQ."""
    return url.partition("://")[0] in SCHEMES


def _redis(address: RedisAddress, options: dict[str, Any]) -> Broker:
    if address.master:
        options |= {"master_name": address.master, "sentinel_kwargs": _sentinel_options(address)}
    return Broker(_url(address), options, _tls(address) or False)


def _url(address: RedisAddress) -> str:
    user = _user(address.login)
    if address.path:
        return f"redis+socket://{user}{quote(address.path)}?virtual_host={address.db}"
    each = [f"{address.scheme}://{user}{_host(host)}:{port}/{address.db}" for host, port in address.hosts]
    return ";".join(each)  # all of it in each: kombu takes one after the other when it reconnects


def _user(login: Login) -> str:
    if not any(login):
        return ""
    return f"{quote(login.username, safe='')}:{quote(login.password, safe='')}@"


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else quote(host, safe="")


def _tls(address: RedisAddress) -> dict[str, Any]:
    """kombu takes the constants of `ssl`, and takes an empty dict for unverified."""
    if address.tls is None:
        return {}
    return {**address.tls, "ssl_cert_reqs": _CERT_REQS[address.tls["ssl_cert_reqs"]]}


def _sentinel_options(address: RedisAddress) -> dict[str, Any]:
    tls = {} if address.tls is None else {"ssl": True, **address.tls}
    times = {"socket_timeout": SENTINEL_TIMEOUT_S, "socket_connect_timeout": SENTINEL_TIMEOUT_S}
    return {**address.sentinel_login.options, **tls, **times, "retry": Retry(NoBackoff(), 0)}
