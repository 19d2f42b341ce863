"""A shop that spools, and whoever brings its events to Redis: what must be true if one of them is killed."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from producers.spool.folder import Folder
from producers.spool.status import look
from tests.chaos.kills import acts
from tests.chaos.kills.scenes import Scene
from worker.stack.ports import free_port

ANY = 1 << 40


class Spooling(Scene):
    """A shop whose Redis is away: nobody told it that its events were accepted, but if they were, they arrive."""

    def prepare(self) -> None:
        self.on.env["FORWARDER_SPOOL_DIR"] = tempfile.mkdtemp(prefix="spool-")
        lines = self.lines()
        self.act = partial(acts.spool, lines=lines, nowhere=f"redis://127.0.0.1:{free_port()}/0")
        self.ids = [line["event"]["clientEventId"] for line in lines]

    @property
    def waiting(self) -> int:
        return sum(each.events for each in look(Folder(Path(self.on.env["FORWARDER_SPOOL_DIR"]), ANY)))

    def right_after(self) -> None:
        assert self.waiting == (self.events if self.is_done else 0)
        self.expected = self.ids[: self.waiting]

    def go_on(self) -> None:
        acts.flush(self.on.env)
        Path(self.on.env["FORWARDER_SPOOL_DIR"]).rmdir()  # nothing is left in it
        super().go_on()


class Flushing(Spooling):
    """An orphan is brought to Redis: one event, then four, then the rest."""

    def prepare(self) -> None:
        super().prepare()
        self.act(self.on.env)
        self.act = acts.flush

    def right_after(self) -> None:
        self.expected = self.ids


class Forgetting(Flushing):
    """A person's event is taken out of the file, or is there still: then it is sent like the others."""

    def prepare(self) -> None:
        super().prepare()
        self.act = partial(acts.erase_from_spool, email="jane.1@example.com")

    def right_after(self) -> None:
        assert self.waiting == self.events - self.is_done
        self.expected = [self.ids[0], *self.ids[2:]] if self.is_done else self.ids
