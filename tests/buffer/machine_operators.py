"""What people and the clock do to a slot: holds, pauses, resumptions, dead letters."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.buffer.machine_core import ACCOUNTS, Core
from tests.buffer.support import event, name_of
from worker.buffer.holds import EVERYTHING, What

PRINTS = st.sampled_from(["", "", "old", "new"])
WHATS: st.SearchStrategy[What] = st.sampled_from(["both", "both", "parked", "paused"])
MOSTLY = st.sampled_from([True, True, False])
KINDS_OF_HOLD = st.sampled_from(["limited", "parked", "paused", "all"])


class Operators(Core):
    """Everything of `Holds` and of the dead letters."""

    def lasting(self) -> int:
        """How many holds there are that only an operator ends."""
        return self.model.paused + sum(account.parked + account.paused for account in self.model.accounts.values())

    @precondition(lambda self: self.lasting() < 3)
    @rule(account=ACCOUNTS, kind=KINDS_OF_HOLD, duration=st.sampled_from([0, 40, 400]), credentials=PRINTS)
    def something_is_held(self, account: str, kind: str, duration: int, credentials: str) -> None:
        told = self.model.accounts[account]
        if kind == "limited":
            self.do(self.world.hold(account, duration))
            told.limited_until = self.world.now + duration if duration else 0
        elif kind == "parked":
            self.do(self.world.park(account, "why", credentials))
            told.park(credentials)
        else:
            self.do(self.world.holds.pause(account if kind == "paused" else EVERYTHING, "why"))
            told.paused, self.model.paused = told.paused or kind == "paused", self.model.paused or kind == "all"
        self.look()

    @precondition(lambda self: self.lasting())
    @rule(what=WHATS, credentials=PRINTS)
    def what_is_held_is_resumed(self, what: What, credentials: str) -> None:
        """All accounts and, after a pause, the slot itself; some of them were not held, or with other credentials."""
        names = ["a", "b", "ü:{c}", *([EVERYTHING] if self.model.paused else [])]
        self.resumes(names, what, credentials)

    @precondition(lambda self: self.lasting())
    @rule(account=ACCOUNTS, what=WHATS, credentials=PRINTS)
    def an_account_is_resumed(self, account: str, what: What, credentials: str) -> None:
        self.resumes([account], what, credentials)

    def resumes(self, names: list[str], what: What, credentials: str) -> None:
        for name in names:
            self.steps["resumed"] += name != EVERYTHING and self.model.accounts[name].parked
        wanted = sum(self.model.accounts[name].resumed(what, credentials) for name in names if name != EVERYTHING)
        wanted += EVERYTHING in names
        assert self.do(self.world.holds.resume_those([(name, credentials) for name in names], what)) == wanted
        if EVERYTHING in names:
            self.model.paused = False
        self.look()

    @precondition(lambda self: self.picture.letters)
    @rule(data=st.data(), operation=st.sampled_from(["replay", "replay", "discard"]))
    def an_operator_deals_with_letters(self, data: st.DataObject, operation: str) -> None:
        """Also with some that somebody else has dealt with already."""
        letters = self.picture.letters
        some = data.draw(st.lists(st.sampled_from(sorted(letters)), min_size=1, unique=True))
        gone = data.draw(st.lists(st.sampled_from(self.numbers_gone), max_size=2)) if self.numbers_gone else []
        names = [name_of(letters[number]["event"]) for number in some]
        run = self.world.replay if operation == "replay" else self.world.discard
        assert self.do(run([*gone, *some])) == len(some)
        (self.model.replayed if operation == "replay" else self.model.discarded)(names)
        self.numbers_gone += some
        self.look()
        if operation == "replay":
            self.note_moved([letters[number] for number in some])

    @precondition(lambda self: self.picture.letters)
    @rule(
        data=st.data(),
        size=st.sampled_from([30, 60]),
        time=st.integers(1, 9),
        fresh=st.sampled_from([True, True, False]),
    )
    def an_operator_edits_a_letter(self, data: st.DataObject, size: int, time: int, fresh: bool) -> None:
        """Also one that was read before somebody else changed it, and one that is gone: then nothing happens."""
        number = data.draw(st.sampled_from([*sorted(self.picture.letters), *self.numbers_gone[-2:]]))
        letter = self.picture.letters.get(number)
        read = letter["event"] if letter else b""
        name = name_of(read) if letter else "0"
        account, order, kind = self.model.events[name].key if letter else ("a", "", "")
        made = event(name, account, order, kind, size=size, time=time)
        answer = self.do(self.world.edit(number, read if fresh else read + b" ", made))
        assert answer == (0 if letter is None else 1 if fresh else -1)
        if answer == 1:
            self.model.events[name].size = size
            self.steps["edited"] += 1
        self.look()
        assert self.picture.letters.get(number, {}).get("event", b"") == (made.stored if answer == 1 else read)
