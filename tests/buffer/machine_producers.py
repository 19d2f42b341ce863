"""What shops do to a slot: events come, some under ids that came before, with the same content or with another."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from redis.exceptions import ResponseError

from producers.accepted import Fate
from producers.append import Entry
from tests.buffer.ids_picture import ids_noted
from tests.buffer.machine_core import ACCOUNTS, CAP_BYTES, CAP_EVENTS, Core
from tests.buffer.support import event, known, name_of

ORDERS, KINDS = st.sampled_from(["", "", "o1", "o:2"]), st.sampled_from(["", "", "k"])
SIZES = st.sampled_from([(25,) * 4, (30, 25, 25), (25,) * 9, (60,) * 3, (130,), (25, 130, 30, 60, 60, 25)])
EVENTS = st.lists(st.tuples(ACCOUNTS, ORDERS, KINDS, SIZES), min_size=1, max_size=3)
FULL = st.sampled_from([{}, {}, {}, {"max_buffered_events": 15}, {"max_buffered_bytes": 600}])
BACK = st.sampled_from([0, 0, 1, 2, 3, 7, 12, 40])  # how many ids ago the one came that comes again
AGAIN = st.lists(st.tuples(BACK, st.sampled_from(["", "", "", "other"])), max_size=5)


class Producers(Core):
    """Calls of many events, among them such as were accepted before."""

    def __init__(self) -> None:
        super().__init__()
        self.offered: list[tuple[str, str, str, str]] = []  # account, order, kind, id

    @rule(runs=EVENTS, again=AGAIN, full=FULL, mixed=st.randoms(use_true_random=False))
    def events_come(
        self,
        runs: list[tuple[str, str, str, tuple[int, ...]]],
        again: list[tuple[int, str]],
        full: dict[str, int],
        mixed: Random,
    ) -> None:
        """All of them, or none where as much waits already as may; of those with one id, the first."""
        entries = [self.new(account, order, kind, size) for account, order, kind, sizes in runs for size in sizes]
        for back, content in again:
            place = mixed.randrange(len(entries) + 1)
            entries.insert(place, self.one_more(back, content))
        self.offer(entries, full)

    @rule(again=st.lists(st.tuples(BACK, st.sampled_from(["", "", "other"])), min_size=1, max_size=4))
    def a_call_is_repeated(self, again: list[tuple[int, str]]) -> None:
        if self.offered:
            self.offer([self.one_more(back, content) for back, content in again], {})

    def new(self, account: str, order: str, kind: str, size: int) -> Entry:
        self.offered.append((account, order, kind, f"{self.count}"))
        return self.made(account, order, kind, f"{self.count}", "", size)

    def one_more(self, back: int, content: str) -> Entry:
        account, order, kind, event_id = self.offered[-1 - back % len(self.offered)]
        return self.made(account, order, kind, event_id, content, 25)

    def made(self, account: str, order: str, kind: str, event_id: str, content: str, size: int) -> Entry:
        """Every event has a name of its own, whatever its id."""
        self.count += 1
        made = event(f"{self.count - 1}", account, order, kind, size=size, time=1_000 * self.count)
        return known(made, event_id, content=content)

    def offer(self, entries: list[Entry], full: dict[str, int]) -> None:
        self.world.full = full
        if self.model.full(full):
            with pytest.raises(ResponseError, match=r"^FULL \d+ (bytes of )?events wait already"):
                self.do(self.world.append(*entries))
            self.steps["appends refused"] += 1
            self.look()
            return
        wanted = self.model.offered(entries, self.world.append_call(entries).places, self.world.now)
        answer = self.do(self.world.offer(*entries))
        assert [fate for fate, _ in answer] == wanted
        self.look()
        self.note_batches([each for each, fate in zip(entries, wanted, strict=True) if fate is Fate.BUFFERED])
        for each, (fate, batch) in zip(entries, answer, strict=True):
            self.steps[fate] += 1
            if fate is not Fate.BUFFERED:
                assert batch == self.model.ids.batches[each.print[:8]]
        for seen in self.picture.batches.values():
            assert seen.events == 1 or (seen.events <= CAP_EVENTS and seen.size <= CAP_BYTES)

    def note_batches(self, fresh: list[Entry]) -> None:
        """Of each event just accepted the index knows the batch that it lies in."""
        if not self.world.window_s:
            return
        noted = {one.id: one.batch for one in sorted(ids_noted(self.picture), key=lambda one: one.generation)}
        for each in fresh:
            batch = noted[each.print[:8]]
            assert name_of(each.stored) in map(name_of, self.picture.batches[batch].stored)
            self.model.ids.batches[each.print[:8]] = batch
