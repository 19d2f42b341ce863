"""Asks the shop for its word beside everything else: one question at a time, however long it thinks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

from producers.consent import Consent
from worker.dead_letters.moving import Candidate, Fate
from worker.second_consent import ask

WAIT_S = 0.5  # for answers, at once: then those that are there are gone on with
LIMIT_S = 10.0  # that a question may take: then nobody decided on that letter
FRESH_S = 60.0  # that an answer counts which nobody has waited for
Key = tuple[str, ...]


class Asking:
    """For one process. A thread of its own asks, and never a second one: what hangs in it keeps only replays."""

    def __init__(self, consent: Consent, *, wait_s: float = WAIT_S, limit_s: float = LIMIT_S) -> None:
        self._consent = consent
        self._wait_s = wait_s
        self._limit_s = limit_s
        self._round: _Round | None = None
        self._given_up = 0.0  # when the last question was

    async def fates(self, replay: str, candidates: Sequence[Candidate]) -> list[Fate]:
        """Of the first of them, as many as are answered by now."""
        wanted = [each for each in candidates if each.letter]
        fates = self._known(replay, wanted)
        if len(fates) == len(wanted):
            return fates
        if self._round is None or self._round.done.done():
            self._round = _Round(self._consent, replay, wanted[len(fates) :])
        if not fates:
            await asyncio.wait({asyncio.wrap_future(self._round.done)}, timeout=self._wait_s)
            self._round.enough = True  # it is asked anew about what comes then
            fates = self._known(replay, wanted)
        return fates or (["undecided"] if self._takes_too_long() else [])

    def _known(self, replay: str, candidates: Sequence[Candidate]) -> list[Fate]:
        if self._round is None:
            return []
        answers, fates, oldest = self._round.answers, list[Fate](), time.monotonic() - FRESH_S
        for each in candidates:
            fate, at = answers.get(key_of(replay, each), ("undecided", 0.0))
            if at < oldest:
                break
            fates.append(fate)
        return fates

    def _takes_too_long(self) -> bool:
        """Each letter waits so long for the one that is asked about."""
        now = time.monotonic()
        if self._round is None or self._round.done.done():
            return False
        if now - max(self._round.begun, self._given_up) < self._limit_s:
            return False
        self._given_up = now
        return True


def key_of(replay: str, candidate: Candidate) -> Key:
    """An answer is for a letter as it was read."""
    of = candidate.letter
    return (replay, of.slot.base if of else "", candidate.place, candidate.told.digest if candidate.told else "")


class _Round:
    """Letters that are asked about in turn, in a thread that keeps no process from ending."""

    def __init__(self, consent: Consent, replay: str, candidates: Sequence[Candidate]) -> None:
        self.answers: dict[Key, tuple[Fate, float]] = {}
        self.begun = time.monotonic()  # the question that is open
        self.enough = False
        self.done: Future[None] = Future()
        told = (consent, replay, list(candidates))
        threading.Thread(target=self._ask, args=told, name="consent", daemon=True).start()

    def _ask(self, consent: Consent, replay: str, candidates: Sequence[Candidate]) -> None:
        for each in candidates:
            if self.enough:
                break
            self.begun = time.monotonic()
            asked = ask(consent, [each.letter] if each.letter else [])
            fate: Fate = "move" if asked.allowed else "withhold" if asked.withheld else "undecided"
            self.answers[key_of(replay, each)] = fate, time.monotonic()
        self.done.set_result(None)
