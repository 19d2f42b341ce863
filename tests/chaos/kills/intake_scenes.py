"""A process is killed while it reads the queue, or while it sends letters of the intake again."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from kombu import Connection

from producers import InvalidEvent
from producers.errors import Fault, ForwarderError
from tests.chaos.kills import acts
from tests.chaos.kills.driver import Act, kill
from tests.chaos.kills.scenes import Scene
from tests.intake.support import Shop, hand_over, reading
from tests.integration.support import eventually
from worker.dead_letters.replaying import REENTER_S
from worker.intake.kombu_reader import KombuReader
from worker.intake.letters import reject
from worker.intake.redis_queue import Counts

BAD_LINE = "no line"


class Queued(Scene):
    """A shop puts its events into the queue; a worker takes all of them at once."""

    act: Act = staticmethod(acts.read_queue)

    def prepare(self) -> None:
        self.shop = Shop(self.on.env["FORWARDER_REDIS_URL"], self.on.prefix)
        self.send()

    def send(self) -> None:
        lines = self.lines()
        self.expected = [line["event"]["clientEventId"] for line in lines]
        self.shop.send(*lines)

    def go_on(self) -> None:
        self.shop.lapse()
        with reading(self.on.env):
            eventually(lambda: self.shop.queue.count() == Counts(0, 0))
        self.shop.close()
        super().go_on()


class Faulty(Queued):
    """One message holds no event. Its letter comes twice if the worker ends before the take does."""

    def send(self) -> None:
        super().send()
        self.shop.send(BAD_LINE)
        self.buried = None

    def at_the_end(self) -> None:
        kept = [letter.event.payload.decode() for letter in self.on.letters("intake")]
        assert kept == [BAD_LINE] * (2 if self.is_done else 1)


class Lapsed(Queued):
    """An earlier worker was killed when it had taken all; its lease is over."""

    def send(self) -> None:
        super().send()
        kill(acts.read_queue, self.on.env, "after", "take")
        self.shop.lapse()


class Noted(Queued):
    """Messages that kombu had noted as unacknowledged, before the queue had a reader of its own."""

    def send(self) -> None:
        super().send()
        unacked, index = self.shop.keys.noted
        for number in range(self.events):
            raw: Any = self.shop.redis.rpop(self.shop.keys.lists[0])
            self.shop.redis.hset(unacked, f"t{number}", json.dumps([json.loads(raw), "", ""]))
            self.shop.redis.zadd(index, {f"t{number}": time.time() - 100 + number})


class Reentered(Queued):
    """Letters of the intake whose messages are valid by now. Those appended already are accepted once all the same."""

    act = partial(acts.replay, destination="intake")

    def send(self) -> None:
        lines, fault = self.lines(), InvalidEvent([Fault("event", "was not known then")])
        self.expected = [line["event"]["clientEventId"] for line in lines]
        reject(self.on.redis, self.on.prefix, [(json.dumps(line).encode(), fault) for line in lines])

    def go_on(self) -> None:
        self.on.shorten(self.on.slot("intake").key("dispatched"), REENTER_S)
        eventually(self._replayed)
        super().go_on()

    def _replayed(self) -> bool:
        try:
            acts.replay(self.on.env, "intake")
        except ForwarderError:  # somebody else is at it, or seems to be
            return False
        return True


class OverKombu(Queued):
    """A broker that itself notes who has a message. What a dead reader had is given out again, however much it was."""

    exact = False
    act: Act = staticmethod(acts.read_with_kombu)

    def send(self) -> None:
        self.url = self.on.env["FORWARDER_REDIS_URL"].removesuffix("/0") + "/1"
        self.on.env["FORWARDER_BROKER_URL"] = self.url
        lines = self.lines()
        self.expected = [line["event"]["clientEventId"] for line in lines]
        with Connection(self.url) as connection:
            connection.default_channel.client.flushdb()
            queue = connection.SimpleQueue(f"{self.on.prefix}.events")
            for line in lines:
                queue.put(line)

    def go_on(self) -> None:
        with Connection(self.url) as connection:
            channel: Any = connection.channel()
            channel.visibility_timeout = 0
            channel.qos.restore_visible(num=self.events)
            reader = KombuReader(self.url, self.on.prefix, hand_over(self.on.env))
            with reading(self.on.env, reader):
                eventually(lambda: not channel.client.exists(f"{self.on.prefix}.events", "unacked"))
        super().go_on()


class KombuEnds(OverKombu):
    """Its reader ends in order."""

    act: Act = staticmethod(acts.read_and_leave)
