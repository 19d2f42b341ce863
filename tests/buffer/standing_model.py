"""What may be claimed of an account and of a slot, said once more and simply: holds, care, the circuit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worker.buffer.batches import Bounds, Verdict

SINGLES, LOOKS, PROVEN, SLOWLY, LONGEST_MS = 3, 4, 20, 20, 60_000
LOOKS_AFTER = {0: 0, 1: 1, 2: 2}  # single refusals -> far looks; after more of them: four


@dataclass
class Account:
    """`suspected`: until its next success. `careful`: successes until it is as fast as before its last limit.

    `cleared`: how many batches there were at the success that ended a suspicion. `proven`: refusals in a row of what
    was split before it.
    """

    limited_until: int = 0
    parked: bool = False
    parked_with: str = ""
    paused: bool = False
    suspected: bool = False
    careful: int = 0
    singles: int = 0
    looks: int = 0
    limits: int = 0
    cleared: int = 0
    proven: int = 0

    def barred(self, now: int) -> bool:
        return self.parked or self.paused or self.limited_until > now

    @property
    def looks_far(self) -> bool:
        return self.looks < LOOKS_AFTER.get(self.singles, LOOKS)

    def most(self, of: int) -> int:
        """How many of `of` requests it may have in flight."""
        return 1 if self.suspected else max(1, of * (SLOWLY - self.careful) // SLOWLY)

    def taken(self, batches: int) -> None:
        if self.suspected:
            self.suspected, self.cleared, self.singles, self.looks = False, batches, 0, 0
        self.careful, self.limits, self.proven = max(0, self.careful - 1), 0, 0

    def refused(self, *, single: bool, far: bool, root: int) -> tuple[bool, bool]:
        """Whether what was refused is put back, and whether the account is to be parked."""
        if self.parked:
            return True, False
        if self.cleared > root and self.proven < PROVEN:
            self.proven += 1
            return False, False
        keeps = single and self.singles == SINGLES
        self.looks += far and (keeps or not single)
        self.singles += single and not keeps
        self.suspected = True
        return keeps, self.singles == SINGLES and self.looks >= LOOKS

    def limited(self, now: int, given_ms: int) -> None:
        """A burst counts once."""
        held = self.limited_until > now
        self.careful = SLOWLY
        if held and not given_ms:
            return
        duration = given_ms or min(LONGEST_MS, 1000 * 2**self.limits)
        self.limits += not held
        self.limited_until = max(self.limited_until, now + duration)

    def park(self, credentials: str) -> None:
        self.parked, self.parked_with = True, credentials

    def resumed(self, what: str, credentials: str) -> bool:
        unparks = self.parked and what != "paused" and credentials in ("", self.parked_with)
        goes_on = self.paused and what != "parked"
        if unparks:
            self.parked, self.parked_with, self.singles, self.looks, self.suspected = False, "", 0, 0, True
            self.proven = 0
        if goes_on:
            self.paused = False
        return unparks or goes_on

    @classmethod
    def seen(cls, fields: Mapping[str, str], wanted: Account, now: int) -> Account:
        """As it stands in Redis. The time of a hold that is over may stand there still, or not."""
        until = int(fields.get("hold_until", 0))
        over = max(until, wanted.limited_until) <= now
        counts = (int(fields.get(name, 0)) for name in ("careful", "refused", "far", "limits", "cleared", "proven"))
        held = "parked" in fields, fields.get("parked_with", ""), "paused" in fields, "suspected" in fields
        return cls(wanted.limited_until if over else until, *held, *counts)


@dataclass
class Circuit:
    """Of one slot. `until` None: it is closed."""

    failures: int = 0
    until: int | None = None
    delay: int = 0
    probe: str = ""

    def most(self, now: int) -> int | None:
        """How many batches may be claimed now; None for any number."""
        return None if self.until is None else int(self.until <= now)

    def probed(self, batch: str, lease_ends: int) -> None:
        self.probe, self.until = batch, lease_ends

    def heard(self, verdict: Verdict, batch: str, now: int, bounds: Bounds) -> bool:
        """Whether it opened now."""
        if verdict is Verdict.NOTHING:
            if self.probe == batch:
                self.until, self.probe = now, ""
        elif verdict is not Verdict.FAILED:
            self.failures, self.until, self.delay, self.probe = 0, None, 0, ""
        elif self.probe == batch:
            self.delay = min(bounds.longest_ms, 2 * self.delay)
            self.until, self.probe = now + self.delay, ""
        elif self.until is None and bounds.failures:
            self.failures += 1
            if self.failures == bounds.failures:
                self.until, self.delay = now + bounds.first_ms, bounds.first_ms
                return True
        return False

    @classmethod
    def seen(cls, meta: Mapping[bytes, bytes]) -> Circuit:
        """As it stands in Redis."""
        until = int(meta[b"circuit_until"]) if b"circuit_until" in meta else None
        delay, probe = int(meta.get(b"circuit_delay", 0)), meta.get(b"probe", b"").decode()
        return cls(int(meta.get(b"failures", 0)), until, delay, probe)
