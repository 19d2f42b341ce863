"""Redis that is killed under load comes back with everything it had confirmed, and the worker goes on by itself."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Environment
from tests.integration.support import Cli, times_accepted
from tests.support.sandbox import Sandbox
from tests.support.shop import Shop
from worker.stack.child import Child
from worker.stack.redis_server import EmbeddedRedis

KILLED_AT = (500, 1_500)


def test_redis_killed_under_load_loses_nothing_that_was_accepted(
    cli: Cli, env: Environment, own_redis: EmbeddedRedis, sandbox: Sandbox, start_worker: Callable[..., Child]
) -> None:
    """With `appendfsync always`: no event is lost and none doubled, and the same worker delivers them."""
    env |= {"FORWARDER_REDIS_URL": own_redis.url, "FORWARDER_LEASE_S": "3", "FORWARDER_HTTP_TIMEOUT_S": "2"}
    worker = start_worker()
    with Shop(env).open() as shop:
        for events in KILLED_AT:
            sandbox.wait(events=events)
            own_redis.kill()
            own_redis.restart()
        sandbox.wait(events=sandbox.summary()["events"]["distinct"] + 1_000)
    ledger = cli.drain()
    assert worker.running, worker.ending()
    accepted = times_accepted(sandbox)
    assert shop.accepted <= accepted.keys() <= shop.accepted | shop.unsure
    assert set(accepted.values()) == {1}
    assert ledger["accepted"] == ledger["delivered"] == len(accepted)
