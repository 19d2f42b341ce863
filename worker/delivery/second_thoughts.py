"""What was claimed and must not be sent after all: too late, or something was learned about its account meanwhile."""

from __future__ import annotations

import time

import structlog

from worker.delivery.exchange import Taken
from worker.settings import DeliverySettings

log = structlog.get_logger("forwarder.delivery")
LATEST_S = 0.08  # from the claim to the wire, where the rate is limited: later is too close to the next request
READ_BYTES_A_SECOND = 20_000_000  # so much longer for all that was read in the same turn


class SecondThoughts:
    """Of one delivery. Claims made after what was learned was settled are right again: the script knew of it."""

    def __init__(self, settings: DeliverySettings) -> None:
        self._settings = settings
        self._accounts: dict[str, float] = {}
        self._all = 0.0
        self._late_once: set[str] = set()

    def about(self, account: str) -> None:
        """An answer held the account, or made it go carefully: what was claimed of it before goes back."""
        self._accounts[account] = time.monotonic()

    def about_all(self) -> None:
        """The circuit opened."""
        self._all = time.monotonic()

    def on(self, taken: Taken) -> bool:
        """Whether the batch goes back instead of out."""
        learned = max(self._all, self._accounts.get(taken.batch.account, 0.0))
        waited = time.monotonic() - taken.claimed_at
        of = self._settings
        return taken.claimed_at < learned or waited > of.lease_s - of.http_timeout_s or self._missed(taken, waited)

    def _missed(self, taken: Taken, waited: float) -> bool:
        """Whether the gap that the claim kept free is gone. Once a batch: going out late is better than never."""
        latest = LATEST_S + taken.read / READ_BYTES_A_SECOND
        if not self._settings.spacing_ms or waited <= latest or taken.batch.id in self._late_once:
            return False
        self._late_once.add(taken.batch.id)
        log.info("too_late_for_its_place", batch=taken.batch.id, account=taken.batch.account, seconds=round(waited, 3))
        return True
