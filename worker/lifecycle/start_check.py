"""What a worker refuses before it starts, and what it warns of: better a line now than events lost later."""

from __future__ import annotations

import structlog
from redis.exceptions import RedisError

from producers.errors import ConfigurationError
from producers.keys import agreement_key, disagreement, terms
from worker.broker.check import BrokerAway, check_broker
from worker.connection.client import RedisUnreachable, check_keeps_everything, sync_redis
from worker.effects import effect
from worker.settings import Settings, open_credentials

log = structlog.get_logger("forwarder.start")


def refuse_unusable(settings: Settings) -> None:
    """Ends the program, in one line, over credentials that cannot be read, a Redis that evicts keys, or a RabbitMQ
    that refuses us."""
    try:
        open_credentials(settings.worker)
        _redis_warnings(settings)
        check_terms(settings)
        _check_broker(settings)
    except ConfigurationError as error:
        raise SystemExit(f"forwarder: {error}") from None


def tell(settings: Settings) -> None:
    """Logs where events will go, and what a crash of this Redis would cost."""
    hosts = dict(settings.hosts)
    log.info("started", environment=settings.worker.env, hosts=hosts, shards=settings.buffer.shards)
    for warning in _redis_warnings(settings):
        log.warning("redis", warning=warning)


def check_terms(settings: Settings) -> None:
    """Notes the layout and the shards, or refuses to work on others. A Redis that is away has none yet.

    Raises `ConfigurationError`.
    """
    redis, ours = sync_redis(settings.buffer.redis_url), terms(settings.buffer.shards)
    try:
        with effect("check terms"):
            noted = redis.set(agreement_key(settings.buffer.key_prefix), ours, nx=True, get=True)
    except RedisError:
        return
    finally:
        redis.close()
    if isinstance(noted, bytes) and noted.decode() != ours:
        raise ConfigurationError(disagreement(noted.decode(), settings.buffer.shards))


def _check_broker(settings: Settings) -> None:
    try:
        check_broker(settings.broker_url)
    except BrokerAway as error:
        log.warning("broker", warning=f"{error}; it may come back")


def _redis_warnings(settings: Settings) -> list[str]:
    redis = sync_redis(settings.buffer.redis_url)
    try:
        return check_keeps_everything(redis, settings.buffer.redis_url)
    except RedisUnreachable as error:
        return [f"{error}; it may come back"]
    finally:
        redis.close()
