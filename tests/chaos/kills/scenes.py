"""What was there before a process is killed, what it does, and what must be true afterwards: one scene an act."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from producers.effects import Moment
from tests.apis.support import booking, signal
from tests.chaos.kills import acts
from tests.chaos.kills.driver import Act
from tests.chaos.kills.ground import BATCH, Ground, name_of
from worker.dead_letters.carried import line_of

BAD = 3  # the number of the event that is refused
CODE = "ValidationError"


class Scene:
    """Three batches of an account; a worker delivers them. `expected`: ids that must arrive; `buried`: id -> code.

    The process is killed at this moment of the effect `name`.
    """

    destination = "event-api"
    kind = "pair"
    events = 2 * BATCH + 2
    exact = True  # whether the number of events that come twice can be told
    act: Act = staticmethod(acts.deliver)

    def __init__(self, on: Ground, moment: Moment = "before", name: str = "") -> None:
        self.on = on
        self.moment = moment
        self.name = name
        self.account = on.account(self.kind)
        self.expected: list[str] = []
        self.buried: dict[str, str] | None = {}

    def prepare(self) -> None:
        self.expected = self.on.enqueue(self.destination, self.account, self.made())

    def made(self) -> list[dict[str, Any]]:
        return [booking(number) for number in range(self.events)]

    def lines(self) -> list[dict[str, Any]]:
        """As a shop hands them over."""
        return [{"destination": "event-api", "account": self.account, "event": each} for each in self.made()]

    def right_after(self) -> None:
        """What must be true before anything goes on."""

    def go_on(self) -> None:
        self.on.lapse()
        self.on.go_on()

    def at_the_end(self) -> None:
        """What must be true beyond what is of all scenes."""

    @property
    def is_done(self) -> bool:
        """Whether the process was killed when its effect had happened."""
        return self.moment == "after"


class Refused(Scene):
    """Rokt takes the others of the request and refuses one."""

    def prepare(self) -> None:
        super().prepare()
        self.on.rokt.faults({"refuse": True, "code": CODE, "match": self.match()})
        self.buried = {self.expected.pop(BAD): CODE}

    def match(self) -> dict[str, Any]:
        return {"account": self.account, "event": {"objectData.email": f"jane.{BAD}@example.com"}}


class Spoilt(Refused):
    """Rokt refuses every request that holds a certain event, so that batches are split until it is alone."""

    def prepare(self) -> None:
        super().prepare()
        self.on.rokt.faults({"status": 400, "code": CODE, "match": self.match()})


class Away(Scene):
    """The first answer is a failure."""

    fault: ClassVar[dict[str, Any]] = {"status": 503}

    def prepare(self) -> None:
        super().prepare()
        self.on.rokt.faults({**self.fault, "times": 1, "match": {"account": self.account}})


class Limited(Away):
    fault: ClassVar[dict[str, Any]] = {"status": 429, "retry_after": "5"}


class Unauthorized(Away):
    """The credentials are refused once."""

    fault: ClassVar[dict[str, Any]] = {"status": 401, "code": "UnauthorizedError"}

    def right_after(self) -> None:
        assert self.on.held(self.account) == ({"parked"} if self.is_done else set())


class Session(Scene):
    """One session, in order."""

    destination = "server-events"
    kind = "tag"
    act = partial(acts.deliver, destination="server-events")

    def made(self) -> list[dict[str, Any]]:
        return [signal("one-session", number) for number in range(self.events)]

    def prepare(self) -> None:
        super().prepare()
        self.expected = [str(number) for number in range(self.events)]

    def at_the_end(self) -> None:
        arrived = [name_of(row) for row in self.on.rokt.accepted(self.account, "one-session")]
        assert list(dict.fromkeys(arrived)) == self.expected, "first arrivals in the order in which they came"


class SpoiltSession(Session):
    """One of its events spoils every request that it is in."""

    def prepare(self) -> None:
        super().prepare()
        match = {"account": self.account, "event": {"clientUniqueId": str(BAD)}}
        self.on.rokt.faults({"status": 400, "code": CODE, "match": match})
        self.buried = None
        self.expected.pop(BAD)

    def at_the_end(self) -> None:
        super().at_the_end()
        (letter,) = self.on.letters(self.destination)
        assert (f'"{BAD}"'.encode() in letter.event.payload, letter.code) == (True, CODE)


class Hasty(Scene):
    """A worker whose requests are on the wire at once, or nearly."""

    exact = False

    def prepare(self) -> None:
        super().prepare()
        self.on.env["FORWARDER_IN_FLIGHT"] = "8"


class TooLate(Scene):
    act = staticmethod(acts.deliver_too_late)


class Enqueued(Scene):
    """A shop enqueues: nobody told it that its events were accepted, but if they were, they arrive."""

    options: ClassVar[dict[str, Any]] = {}

    def prepare(self) -> None:
        lines = self.lines()
        self.act = partial(acts.enqueue, lines=lines, **self.options)
        self.ids = [line["event"]["clientEventId"] for line in lines]

    def right_after(self) -> None:
        accepted = self.on.ledger("event-api")["accepted"]
        assert accepted == (self.events if self.is_done else 0)
        self.expected = self.ids[:accepted]


class Agreed(Enqueued):
    def right_after(self) -> None:
        assert self.on.ledger("event-api")["accepted"] == 0
        assert bool(self.on.redis.exists(f"{self.on.prefix}:terms")) == self.is_done
        self.expected = self.on.enqueue("event-api", self.account, self.made())


class Withheld(Enqueued):
    """A shop may not send the second of its events: it is discarded, or was never there."""

    options: ClassVar[dict[str, Any]] = {"consent": f"{acts.__name__}:agreed"}

    def right_after(self) -> None:
        ledger = self.on.ledger("event-api")
        assert (ledger["accepted"], ledger["discarded"]) == ((self.events, 1) if self.is_done else (self.events - 1, 0))
        self.expected = [self.ids[0], *self.ids[2:]]


class Letters(Scene):
    """150 dead letters, which are moved a hundred at a time; the process is killed at the second hundred."""

    events = 150
    cap = "100"

    def prepare(self) -> None:
        self.on.env["FORWARDER_EVENT_API_MAX_EVENTS"] = self.cap
        self.on.rokt.faults({"refuse": True, "match": {"account": self.account}})
        super().prepare()
        self.on.go_on()
        self.on.rokt.faults()
        assert len(self.on.letters()) == self.events

    @property
    def moved(self) -> int:
        return self.events if self.is_done else 100


class Replayed(Letters):
    act = staticmethod(acts.replay)

    def right_after(self) -> None:
        counts = self.on.ledger("event-api")
        assert (counts["ready"], counts["dead"]) == (self.moved, self.events - self.moved)

    def go_on(self) -> None:
        assert acts.replay(self.on.env) == self.events - self.moved
        super().go_on()


class Discarded(Letters):
    act = staticmethod(acts.discard)

    def right_after(self) -> None:
        self.expected = []
        assert self.on.ledger("event-api")["discarded"] == self.moved

    def go_on(self) -> None:
        assert acts.discard(self.on.env) == self.events - self.moved

    def at_the_end(self) -> None:
        assert self.on.ledger("event-api")["discarded"] == self.events


class Imported(Letters):
    """Exported, and discarded; the process that brings them back is killed."""

    def prepare(self) -> None:
        super().prepare()
        self.exported = [line_of(letter) for letter in self.on.letters()]
        acts.discard(self.on.env)
        self.act = partial(acts.bring_back, lines=self.exported)

    def right_after(self) -> None:
        counts = self.on.ledger("event-api")
        assert (counts["dead"], counts["accepted"]) == (self.moved, self.events + self.moved)

    def go_on(self) -> None:
        assert acts.bring_back(self.on.env, self.exported) == (self.events - self.moved, self.moved)
        assert acts.replay(self.on.env) == self.events
        super().go_on()


class Paused(Scene):
    def prepare(self) -> None:
        super().prepare()
        self.act = partial(acts.pause, account=self.account)

    def right_after(self) -> None:
        assert self.on.held(self.account) == ({"paused"} if self.is_done else set())


class Resumed(Scene):
    def prepare(self) -> None:
        super().prepare()
        acts.pause(self.on.env, self.account)
        self.act = partial(acts.resume, account=self.account)

    def right_after(self) -> None:
        assert self.on.held(self.account) == (set() if self.is_done else {"paused"})


class Looked(Scene):
    """The dispatcher looks: its task is at most one message, and not lost for longer than its note lasts."""

    act = staticmethod(acts.look)

    def go_on(self) -> None:
        self.on.shorten(self.on.slot("event-api").key("dispatched"), 2)
        super().go_on()


class Living(Scene):
    act = staticmethod(acts.live_and_leave)


class Starting(Scene):
    act = staticmethod(acts.start)


class Hanging(Scene):
    act = staticmethod(acts.end_by_force)
