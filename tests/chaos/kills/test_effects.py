"""Whatever leaves a process to change something has a name in the registry, and is announced under it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from unittest.mock import patch

import pytest

from producers.append import APPEND
from producers.destinations.answers import Request
from producers.keys import Slot
from tests.chaos.kills import acts
from tests.chaos.kills.driver import watched
from tests.chaos.kills.ground import Ground
from tests.chaos.kills.kills import OF_DELIVERY, OF_THE_REST
from tests.chaos.kills.scenes import Hanging, Scene
from worker.connection.client import sync_redis, with_redis
from worker.effects import EFFECTS
from worker.http import HttpTransport

Env = Mapping[str, str]
PREFIX = "{prefix}"
NOTE = Slot(PREFIX, "event-api", 0).key("dispatched")
SCENES = tuple(dict.fromkeys(each.scene for each in (*OF_DELIVERY, *OF_THE_REST) if each.scene is not Hanging))


def names_in(scene: type[Scene]) -> set[str]:
    return {each.name for each in (*OF_DELIVERY, *OF_THE_REST) if each.scene is scene}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_no_write_leaves_a_process_outside_an_effect(ground: Ground, scene: type[Scene]) -> None:
    """Neither to Redis, nor to the broker, nor over HTTP. And the scene comes to each effect that it is killed at."""
    of = scene(ground)
    of.prepare()
    names = names_in(scene)
    heard, outside = watched(of.act, ground.env, until=names)
    assert outside == []
    assert names <= heard <= set(EFFECTS)


def raw_command(env: Env) -> None:
    sync_redis(env["FORWARDER_REDIS_URL"]).set(f"{env['FORWARDER_KEY_PREFIX']}:raw", 1)


def raw_pipeline(env: Env) -> None:
    async def work(redis: object) -> None:
        pipeline = redis.pipeline(transaction=False)  # type: ignore[attr-defined]
        pipeline.get("other").hset("raw", "field", "value").get("other")
        await pipeline.execute()

    asyncio.run(with_redis(env["FORWARDER_REDIS_URL"], work))


def raw_script(env: Env) -> None:
    sync_redis(env["FORWARDER_REDIS_URL"]).script_load(APPEND.text)
    with pytest.raises(Exception, match="user_script"):
        sync_redis(env["FORWARDER_REDIS_URL"]).evalsha(APPEND.sha, 0)


def raw_request(env: Env) -> None:
    with patch("worker.http.transport.effect", nullcontext):
        request = Request(f"{env['FORWARDER_SANDBOX_URL']}/raw", {}, b"")
        asyncio.run(HttpTransport(1).post(request, 5))


def raw_note(env: Env) -> None:
    with patch("worker.lifecycle.dispatch_note.effect", nullcontext):
        acts.deliver(env)


@pytest.mark.parametrize(
    ("act", "found"),
    [
        (raw_command, [f"SET {PREFIX}:raw"]),
        (raw_pipeline, ["HSET raw"]),
        (raw_script, [f"EVALSHA {APPEND.sha}"]),
        (raw_request, ["POST /raw"]),
        (raw_note, [f"SET {NOTE}", f"DEL {NOTE}"]),
    ],
)
def test_a_write_outside_an_effect_would_be_found(ground: Ground, act: Callable[[Env], None], found: list[str]) -> None:
    """The watch itself: a command, one among others, a script, a request, and a door that lost its name."""
    _, outside = watched(act, ground.env)
    assert outside == [each.replace(PREFIX, ground.prefix) for each in found]
