"""What a process does when it is killed: one act of a worker, a shop or an operator, on real parts. Picklable."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from producers import Fate, Producer
from producers.keys import Slot
from producers.preparer import Preparer
from producers.producer import all_batch_settings
from producers.settings import buffer_settings, privacy_settings, spool_settings
from producers.spool.emptying import Emptying
from producers.spool.folder import Folder
from producers.spool.home import Home
from tests.intake.support import hand_over, intake
from worker.buffer.holds import Holds
from worker.connection.client import sync_redis, with_redis
from worker.dead_letters import DeadLetters, Editor, Filter
from worker.dead_letters.carried import letter_in
from worker.erasure.erasure import Found, RedisPlace
from worker.erasure.person import Person
from worker.erasure.spool_place import spool_places
from worker.intake.intake import run
from worker.intake.kombu_reader import KombuReader
from worker.lifecycle.heartbeat import Worker, beat, leave
from worker.lifecycle.pulse import Pulse
from worker.lifecycle.start_check import check_terms
from worker.lifecycle.stopping import FORCED_S, Stopping
from worker.lifecycle.watchdog import watch
from worker.operating.audit import acting, note
from worker.process import Process
from worker.replay import Replays
from worker.second_consent import entrance
from worker.settings import caps_of, load_settings

Env = Mapping[str, str]
ENOUGH = threading.Event()  # a reader in this process ends
HANGS_S = 20


def enough_after(seconds: float) -> None:
    timer = threading.Timer(seconds, ENOUGH.set)
    timer.daemon = True
    timer.start()


def deliver(env: Env, destination: str = "event-api") -> None:
    """One task of a worker."""
    process = Process(load_settings(env))
    try:
        process.deliver(destination, 0)
    finally:
        process.close()


def deliver_too_late(env: Env) -> None:
    """A task that comes when its worker is to end."""
    stopping = Stopping()
    stopping.ask()
    process = Process(load_settings(env), stopping)
    try:
        process.deliver("event-api", 0)
    finally:
        process.close()


def enqueue(env: Env, lines: list[dict[str, Any]], consent: str = "") -> None:
    producer = Producer.from_env({**env, "FORWARDER_CONSENT": consent})
    assert not any(result.error for result in producer.enqueue_many(lines))


def agreed(_destination: str, _account: str, event: Any) -> bool:
    """All but the second that a scene enqueues."""
    return not event["clientEventId"].startswith("0001")


def replay(env: Env, destination: str = "event-api") -> int:
    """All letters, as `forwarder dlq replay --all` does it. Gives how many were moved."""
    return int(asyncio.run(_letters(env, destination, DeadLetters.replay)).moved)


def begin_replay(env: Env) -> None:
    """Of all letters, as `forwarder dlq replay --all --detach` does it."""
    assert asyncio.run(with_replays(env, lambda replays: replays.start(Filter(), by="an operator")))


def pause_replays(env: Env) -> None:
    asyncio.run(with_replays(env, _pause_all))


def resume_replays(env: Env) -> None:
    asyncio.run(with_replays(env, _resume_all))


async def _pause_all(replays: Replays) -> None:
    for each in await replays.all():
        assert await replays.pause(each.id)


async def _resume_all(replays: Replays) -> None:
    for each in await replays.all():
        assert await replays.resume(each.id)


async def with_replays(env: Env, work: Any) -> Any:
    buffer = buffer_settings(env)
    return await with_redis(buffer.redis_url, lambda redis: work(Replays(redis, buffer, rate=100_000)))


def discard(env: Env, destination: str = "event-api") -> int:
    """All letters, as `forwarder dlq discard --all` does it, with its audit."""
    return asyncio.run(_discard(env, destination))


async def _discard(env: Env, destination: str) -> int:
    buffer = buffer_settings(env)

    async def work(redis: Any) -> int:
        letters = DeadLetters(redis, buffer, caps_of(env))
        found = await letters.choice(Filter(destination))
        async with acting(redis, buffer.key_prefix, "dlq discard", {"chosen": found.total}) as told:
            told["discarded"] = await letters.discard_choice(Filter(destination), found)
        return int(told["discarded"])

    return await with_redis(buffer.redis_url, work)


def edit(env: Env, destination: str = "event-api", event_type: str = "conversion") -> None:
    """The one letter of a destination, as `forwarder dlq edit --set eventType=…` does it, with its audit."""
    asyncio.run(_edit(env, destination, event_type))


async def _edit(env: Env, destination: str, event_type: str) -> None:
    buffer, preparer = buffer_settings(env), Preparer(all_batch_settings(env), privacy_settings(env))

    async def work(redis: Any) -> None:
        editor = Editor(redis, buffer, preparer)
        (letter,) = [each async for each in DeadLetters(redis, buffer, caps_of(env)).find(Filter(destination))]
        opened = await editor.open(letter.slot, letter.number)
        assert opened is not None
        change = editor.change(opened, {**opened.event, "eventType": event_type})
        if change.anything:
            async with acting(redis, buffer.key_prefix, "dlq edit", change.details):
                await editor.edit(change, by="an operator", why="a typo")

    await with_redis(buffer.redis_url, work)


async def _letters(env: Env, destination: str, move: Any) -> Any:
    buffer, producer = buffer_settings(env), Producer.from_env(env)

    async def work(redis: Any) -> Any:
        letters = DeadLetters(redis, buffer, caps_of(env), entrance(producer))
        return await move(letters, await letters.choose(Filter(destination)))

    return await with_redis(buffer.redis_url, work)


def bring_back(env: Env, lines: list[bytes]) -> tuple[int, int]:
    """As `forwarder dlq import` does it. Gives how many letters were imported, and how many were there already."""
    return asyncio.run(_bring_back(env, lines))


async def _bring_back(env: Env, lines: list[bytes]) -> tuple[int, int]:
    buffer = buffer_settings(env)

    async def work(redis: Any) -> tuple[int, int]:
        importing = DeadLetters(redis, buffer, caps_of(env)).importing()
        for line in lines:
            await importing.add(letter_in(line, buffer))
        await importing.finish()
        return importing.imported, importing.known

    return await with_redis(buffer.redis_url, work)


def erase(env: Env, email: str) -> Found:
    """As `forwarder erase` does it, with its audit."""
    return asyncio.run(_erase(env, Person([email])))


async def _erase(env: Env, person: Person) -> Found:
    buffer = buffer_settings(env)

    async def work(redis: Any) -> Found:
        found = await RedisPlace(redis, buffer, timeout_s=0).erase(person)
        await note(redis, buffer.key_prefix, "erase", {"erased": found.events.total()})
        return found

    return await with_redis(buffer.redis_url, work)


def pause(env: Env, account: str) -> None:
    asyncio.run(with_holds(env, lambda holds: holds.pause(account, "by an operator")))


def resume(env: Env, account: str) -> None:
    asyncio.run(with_holds(env, lambda holds: holds.resume([account])))


async def with_holds(env: Env, work: Any) -> Any:
    buffer = buffer_settings(env)
    slot = Slot(buffer.key_prefix, "event-api", 0)
    return await with_redis(buffer.redis_url, lambda redis: work(Holds(redis, slot)))


def read_queue(env: Env) -> None:
    """The intake of a worker, as long as its process lives or until it is enough."""
    run(intake(env), ENOUGH)


def read_with_kombu(env: Env) -> None:
    """As from a broker that is no Redis."""
    run(KombuReader(env["FORWARDER_BROKER_URL"], env["FORWARDER_KEY_PREFIX"], hand_over(env)), ENOUGH)


def read_and_leave(env: Env) -> None:
    """A reader that ends in order when it handed over what there was."""
    into_buffer = hand_over(env)

    def once(messages: Any) -> Any:
        ENOUGH.set()
        return into_buffer(messages)

    KombuReader(env["FORWARDER_BROKER_URL"], env["FORWARDER_KEY_PREFIX"], once).read(ENOUGH)  # type: ignore[arg-type]


def look(env: Env) -> None:
    """One look of a dispatcher whose worker works, with the worker's own Celery app."""
    os.environ.update(env)  # the app is made from it when it is imported
    from worker.celery import SETTINGS, app
    from worker.lifecycle.dispatch import Dispatcher

    pulse = Pulse()
    pulse.beat()
    redis = sync_redis(SETTINGS.buffer.redis_url)
    Dispatcher(app, SETTINGS, redis, Worker.here(os.getpid(), "a-worker"), pulse, Stopping()).look()


def live_and_leave(env: Env) -> None:
    redis, here = sync_redis(env["FORWARDER_REDIS_URL"]), Worker.here(os.getpid(), "a-worker")
    beat(redis, env["FORWARDER_KEY_PREFIX"], here)
    leave(redis, env["FORWARDER_KEY_PREFIX"], here)


def start(env: Env) -> None:
    """What a worker notes before it starts."""
    check_terms(load_settings(env))


class _Over(Stopping):
    """Time has been over for long."""

    def over_for(self, seconds: float) -> bool:
        assert seconds == FORCED_S
        return True


def end_by_force(env: Env) -> None:  # noqa: ARG001 - an act like the others
    """A worker that hangs, with one child that hangs."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"])
    watch(_Over(), lambda: [child.pid])
    time.sleep(HANGS_S)


def spool(env: Env, lines: list[dict[str, Any]], nowhere: str) -> None:
    """A shop that does not reach Redis, and ends."""
    producer = Producer.from_env({**env, "FORWARDER_REDIS_URL": nowhere})
    assert {result.fate for result in producer.enqueue_many(lines)} == {Fate.SPOOLED}
    producer.close()


def erase_from_spool(env: Env, email: str) -> None:
    """As `forwarder erase` does it."""
    (place,) = spool_places(spool_settings(env, {}), env["FORWARDER_KEY_PREFIX"])
    found = asyncio.run(place.erase(Person([email])))
    assert found.events.total() == 1


def flush(env: Env) -> None:
    """As `forwarder spool flush --other-redis` does it."""
    settings = spool_settings(env, {})
    assert settings is not None
    producer = Producer.from_env({**env, "FORWARDER_SPOOL_DIR": ""})
    folder = Folder(settings.folder, settings.spool_max_bytes)
    left = Emptying(folder, Home(env["FORWARDER_KEY_PREFIX"], ""), settings.spool_sync, producer.appender).run(HANGS_S)
    assert left == []
    producer.close()
