"""What a replay does that Redis keeps: it begins, takes steps wherever it stands, and is paused or cancelled."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.buffer.machine_core import Core
from tests.buffer.support import name_of
from worker.buffer.batches import Room
from worker.buffer.calls import Call, run_one
from worker.dead_letters.moving import Fate, Standing

FATES: st.SearchStrategy[Fate] = st.sampled_from(["move", "move", "move", "withhold", "undecided"])
ROOMS = st.sampled_from([Room(), Room(1, 2), Room(1, 2)])


class Replayers(Core):
    """One replay at a time, over the letters that were there when it began."""

    def __init__(self) -> None:
        super().__init__()
        self.replays = 0

    @property
    def replay(self) -> str:
        return f"r-{self.replays}"

    def record(self) -> dict[str, str]:
        fields: dict[bytes, Any] = self.picture.replays.get(f"replay:{self.replay}", {})
        return {name.decode(): value.decode() for name, value in fields.items()}

    @precondition(lambda self: self.picture.letters)
    @rule(limit=st.sampled_from([0, 0, 2]))
    def a_replay_begins(self, limit: int) -> None:
        """If the one before is over."""
        if self.record().get("state") in (None, "done", "cancelled"):
            self.replays += 1
            self.do(self.world.begin_replay(self.replay, limit))
            self.look()

    @precondition(lambda self: self.record().get("state") in ("running", "paused"))
    @rule(many=st.sampled_from([3, 1, 20]), fate=FATES, room=ROOMS, times=st.sampled_from([1, 3]))
    def a_replay_takes_steps(self, many: int, fate: Fate, room: Room, times: int) -> None:
        for _ in range(times):
            if self.record()["state"] in ("running", "paused"):
                self.step(many, fate, room)

    def step(self, many: int, fate: Fate, room: Room) -> None:
        """Of the letters that it is offered it deals with the first ones, each as it was told to, and with no other."""
        record = self.record()
        ahead = self.ahead(record)
        places = ahead[:many]
        before = self.picture.letters
        of = Standing(self.replay, record["at"], len(places) == len(ahead))
        done = self.do(self.world.replay_step(places, fate, of, room))
        after = self.do(self.world.picture()).letters
        numbers = [place.partition(":")[2] for place in places]
        left = [number for number in numbers if number in before and number not in after]
        assert set(before) - set(after) == set(left)
        assert (done.moved, done.withheld) == (len(left) * (fate == "move"), len(left) * (fate == "withhold"))
        if record["state"] == "paused":
            assert (done.ended, left) == ("stale", [])
        names = [name_of(before[number]["event"]) for number in left]
        (self.model.replayed if fate == "move" else self.model.discarded)(names)
        self.numbers_gone += left
        self.steps[f"replay {done.ended}"] += 1
        self.look()
        if fate == "move":
            self.note_moved([before[number] for number in left])
        self.progress_is_noted(record, len(left), done.ended)

    def ahead(self, record: dict[str, str]) -> list[str]:
        """Places of the letters that it has not come to in this pass."""
        behind = record["at"].partition(":")[2]
        if record["round"] == "0":
            numbers = sorted(number for number in self.picture.letters if behind < number <= record["bound"])
            return [f"1:{number}" for number in numbers]
        aside = (place.decode() for place in self.picture.replays.get(f"aside:{self.replay}", {}))
        return sorted(place for place in aside if place.partition(":")[2] > behind)

    def progress_is_noted(self, before: dict[str, str], left: int, ended: str) -> None:
        record = self.record()
        limit, dealt = int(record["limit"]), [int(each["moved"]) + int(each["withheld"]) for each in (before, record)]
        assert dealt[1] - dealt[0] == left
        assert not limit or dealt[1] <= limit
        assert (record["state"] == "done") == (ended == "over")
        assert (self.replay.encode() in self.picture.replays.get("replays", {})) == (ended != "over")
        on_their_way = Counter(self.picture.replays.get("replaying", {}).values())
        assert max(on_their_way.values(), default=0) <= 1, "an account has more on its way than it may"

    @precondition(lambda self: self.record().get("state") in ("running", "paused"))
    @rule(wanted=st.sampled_from(["paused", "running", "running", "cancelled"]))
    def an_operator_steers_it(self, wanted: str) -> None:
        call = Call("steer", self.world.slot.fixed, [self.world.now, self.replay, wanted])
        assert self.do(run_one(self.client, call)) == 1
        self.look()
        assert self.record()["state"] == wanted
