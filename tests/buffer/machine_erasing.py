"""What an operator does who erases: reads, and takes out what was read, at once or when much else has happened."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.buffer.machine_core import Core
from tests.buffer.support import name_of
from worker.buffer.erasing import Owner, Run

PEOPLE = st.sampled_from([(1, 0), (2, 0), (2, 1), (3, 0), (5, 2)])  # whose every n-th event is
AGES = st.sampled_from([0, 0, 1, 3])


class Erasers(Core):
    """Whoever an event belongs to is told by the number in its name."""

    @precondition(lambda self: self.picture.batches)
    @rule(person=PEOPLE)
    def an_operator_reads(self, person: tuple[int, int]) -> None:
        self.plans += self.found(person)

    @rule(person=PEOPLE)
    def a_person_is_erased(self, person: tuple[int, int]) -> None:
        """From all that waits, and from what others leave of lists that they share."""
        for owner, runs in self.found(person):
            self.takes_out(owner, runs)
        for source in dict.fromkeys(batch.source for batch in self.picture.batches.values()):
            self.blanks(source, person)

    @precondition(lambda self: self.plans)
    @rule(age=AGES)
    def an_operator_takes_out_what_was_read(self, age: int) -> None:
        """It is as it was, or all of it stays."""
        self.takes_out(*self.plans.pop(-min(1 + age, len(self.plans))))

    def found(self, person: tuple[int, int]) -> list[tuple[Owner, list[Run]]]:
        n, rest = person
        return self.do(self.world.found(lambda name: int(name) % n == rest))

    def takes_out(self, owner: Owner, runs: list[Run]) -> None:
        batch = self.picture.batches.get(owner.id)
        names = []
        if batch and batch.state != "in_flight":
            at = [place - batch.first for run in runs for place in range(run.first, run.last + 1)]
            names = [name_of(batch.stored[place]) for place in at]
        assert self.do(self.world.erase_from(owner, runs)) == len(names)
        self.model.erased(names)
        self.steps["erased"] += len(names)
        self.steps["not erased, in flight or changed"] += not names
        self.look()
        texts = [stored for stored in self.picture.lists.get(owner.source, []) if stored]
        assert not set(names) & set(map(name_of, texts)), "its text is still there"

    def blanks(self, source: str, person: tuple[int, int]) -> None:
        n, rest = person
        owners = self.do(self.world.erasing.owners(self.picture.batches))
        sharing = [owner for owner in owners if owner.source == source]
        held = {place for owner in sharing for place in range(owner.first, owner.last + 1)}
        stored = self.picture.lists[source]
        whole = self.do(self.world.runs(source, 0, len(stored) - 1, lambda name: int(name) % n == rest))
        free = [run for run in whole if not held & set(range(run.first, run.last + 1))]
        if not free:
            return
        assert not self.do(self.world.erasing.blank(source, sharing[1:], free)), "somebody else may hold them"
        assert self.do(self.world.erasing.blank(source, sharing, free)) == sum(run.events for run in free)
        self.steps["blanked"] += 1
        self.look()
