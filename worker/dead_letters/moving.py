"""The one call that moves letters back into the buffer, for a replay that is kept in Redis or for the caller alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import Literal, NamedTuple

from producers.append import epoch
from producers.destinations import DESTINATIONS, Whole
from producers.keys import Slot
from producers.settings import BatchSettings
from worker.buffer.batches import Room
from worker.buffer.calls import Call
from worker.dead_letters.letter import Letter
from worker.delivery.records import print_of

Fate = Literal["move", "withhold", "undecided"]
NO_LETTER: tuple[str | int | bytes, ...] = ("gone", "", 0, 0, 0, 0, "")


class Standing(NamedTuple):
    """Of which replay letters are moved, where it must stand for that, and whether its pass ends with them.

    `through`: where it stands when all of them are dealt with, if more than these was looked at.
    """

    replay: str = ""
    at: str = ""
    is_last: bool = False
    through: str = ""


class Told(NamedTuple):
    """What a call says of a letter, made when it is read: of many at once it would keep a delivery waiting."""

    digest: str
    size: int
    event_time: int
    expires: int
    print: bytes

    @classmethod
    def of(cls, letter: Letter) -> Told:
        to, event = DESTINATIONS[letter.slot.destination], letter.event
        digest = sha1(spelled(letter.of, event.payload), usedforsecurity=False).hexdigest()
        expires = to.window.expires(event.event_time) or 0
        return cls(digest, len(event.payload) + 1, event.event_time, expires, print_of(to, letter.of, event))


class Candidate(NamedTuple):
    """A letter by its place, which is when it died and its number; None if it is gone."""

    place: str
    letter: Letter | None = None
    told: Told | None = None

    @classmethod
    def of(cls, letter: Letter) -> Candidate:
        return cls(place_of(letter), letter, Told.of(letter))


def spelled(of: Whole, payload: bytes) -> bytes:
    """All that consent is asked for and an edit may change: see replay.lua."""
    return b"\0".join((of.order.encode(), of.kind.encode(), payload))


def place_of(letter: Letter) -> str:
    return f"{letter.died_at}:{letter.number}"


class Done(NamedTuple):
    """What a call did: see replay.lua."""

    ended: str
    moved: int
    withheld: int
    undecided: int
    expired: int
    aside: int
    at: str

    @classmethod
    def of(cls, answer: Sequence[bytes | int]) -> Done:
        words = [each.decode() if isinstance(each, bytes) else each for each in answer]
        return cls(*words)  # type: ignore[arg-type]


def replay_call(
    slot: Slot,
    caps: BatchSettings,
    chosen: Iterable[tuple[Candidate, Fate]],
    of: Standing = Standing(),  # noqa: B008 - immutable
    room: Room = Room(),  # noqa: B008 - immutable
    now: int | str = "",
) -> Call:
    """The call that decides on these letters, in their order. `now` (ms) stands in for Redis's clock in tests."""
    args: list[str | int | bytes] = [now, epoch(), caps.max_events, caps.duplicates_window_s]
    args += [of.replay, of.at, int(of.is_last), of.through, *room]
    for candidate, fate in chosen:
        args += [candidate.place, *_words(slot, caps, candidate, fate)]
    return Call("replay", slot.fixed, args)


def _words(slot: Slot, caps: BatchSettings, candidate: Candidate, fate: Fate) -> tuple[str | int | bytes, ...]:
    letter, told = candidate.letter, candidate.told
    if letter is None or told is None:
        return NO_LETTER
    of = letter.of
    cap_bytes = caps.max_bytes - DESTINATIONS[slot.destination].envelope_bytes(of.account, of.order, of.kind)
    return fate, told.digest, told.size, cap_bytes, told.event_time, told.expires, told.print
