"""An operator who edits a dead letter is killed: it is as it was or as it was to be, and the audit has a word."""

from __future__ import annotations

from tests.chaos.kills import acts
from tests.chaos.kills.ground import BATCH
from tests.chaos.kills.scenes import Scene
from worker.delivery.history import edits

BAD, TYPE = "cancellation", "conversion"


class Edited(Scene):
    """One event of a batch was refused for its type; edited, it is accepted."""

    act = staticmethod(acts.edit)

    def prepare(self) -> None:
        self.on.rokt.faults({"refuse": True, "match": {"account": self.account, "event": {"eventType": BAD}}})
        others = self.on.enqueue(self.destination, self.account, self.made())
        bad = {**self.made()[0], "clientEventId": "refused-0001", "eventType": BAD}
        self.expected = [*others, *self.on.enqueue(self.destination, self.account, [bad])]
        self.on.go_on()

    def right_after(self) -> None:
        (letter,) = self.on.letters()
        is_edited = self.name == "edit" and self.is_done
        assert letter.readable()["eventType"] == (TYPE if is_edited else BAD)
        assert len(edits(letter.event.history)) == is_edited
        begun = self.name == "edit" or self.is_done
        assert self.on.redis.xlen(f"{self.on.prefix}:audit") == begun

    def go_on(self) -> None:
        """Doing it again changes nothing if it was done."""
        acts.edit(self.on.env)
        (letter,) = self.on.letters()
        assert [each["original"]["eventType"] for each in edits(letter.event.history)] == [BAD]
        assert acts.replay(self.on.env) == 1
        super().go_on()

    def made(self) -> list[dict[str, object]]:
        return super().made()[:BATCH]
