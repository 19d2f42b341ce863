"""What a task did, in a few numbers: what Flower shows of it. No personal data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from producers.destinations.outcomes import Delivered, Outcome
from worker.buffer.batches import Settled, Settlement


@dataclass
class Summary:
    """Counts of one run over one slot."""

    requests: int = 0
    attempts: int = 0
    failed: int = 0
    delivered: int = 0
    dead: int = 0
    parked: int = 0
    replayed: int = 0
    circuit_opened: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def add(self, settlement: Settlement, outcome: Outcome) -> None:
        self.attempts += 1
        self.delivered += settlement.delivered
        self.dead += len(settlement.dead)
        if settlement.dead:
            self.codes.update(death.code for death in settlement.dead)
        if not isinstance(outcome, Delivered):
            self.failed += 1
            self.codes.update({reason.code for reason in outcome.reasons})

    def settled(self, result: Settled) -> None:
        """What Redis said of a settlement."""
        if result is Settled.DONE:  # nearly always; operations on flags take their time
            return
        self.parked += bool(result & Settled.ACCOUNT_PARKED)
        self.circuit_opened += bool(result & Settled.CIRCUIT_OPENED)

    def broke(self, code: str = "AttemptBroke") -> None:
        """An attempt that ended in a surprise, or with its worker."""
        self.attempts += 1
        self.failed += 1
        self.codes[code] += 1

    @property
    def delivery_fails(self) -> bool:
        """An account was parked, the circuit opened, or every attempt failed: no request was taken."""
        all_failed = self.attempts > 0 and self.failed == self.attempts
        return all_failed or self.parked > 0 or self.circuit_opened > 0

    def shown(self) -> dict[str, object]:
        """A small dictionary for Flower."""
        return {
            "delivered": self.delivered,
            "requests": self.requests,
            "attempts": self.attempts,
            "failed": self.failed,
            "dead": self.dead,
            "parked": self.parked,
            "replayed": self.replayed,
            "circuit_opened": self.circuit_opened,
            "codes": dict(self.codes.most_common(5)),
        }
