"""An operator who begins or steers a replay is killed, or the worker that runs it: each letter arrives once."""

from __future__ import annotations

from tests.chaos.kills import acts
from tests.chaos.kills.scenes import Letters


class Begun(Letters):
    """What was begun goes on in a worker. What was only listed is nothing: it is begun anew."""

    act = staticmethod(acts.begin_replay)
    is_begun = ("after", "begin")

    def right_after(self) -> None:
        assert self.on.ledger("event-api")["dead"] == self.events
        assert len(self.on.replays()) == ((self.moment, self.name) == self.is_begun)

    def go_on(self) -> None:
        if not self.on.replays():
            acts.begin_replay(self.on.env)
        self.on.lapse()
        acts.deliver(self.on.env)
        super().go_on()

    def at_the_end(self) -> None:
        (replay,) = self.on.replays()
        assert (replay.state, replay.moved) == ("done", self.events)


class Running(Begun):
    """A worker is killed as it moves the first hundred."""

    act = staticmethod(acts.deliver)

    def prepare(self) -> None:
        super().prepare()
        acts.begin_replay(self.on.env)

    def right_after(self) -> None:
        counts = self.on.ledger("event-api")
        (replay,) = self.on.replays()
        moved = 100 if self.is_done else 0
        assert (counts["ready"], counts["dead"], replay.moved) == (moved, self.events - moved, moved)


class Steered(Begun):
    act = staticmethod(acts.pause_replays)

    def prepare(self) -> None:
        super().prepare()
        acts.begin_replay(self.on.env)

    def right_after(self) -> None:
        (replay,) = self.on.replays()
        assert replay.state == ("paused" if self.is_done else "running")

    def go_on(self) -> None:
        acts.resume_replays(self.on.env)
        super().go_on()
