"""What was claimed and must not be sent after all: too late, or something was learned about its account meanwhile."""

from __future__ import annotations

import time

from worker.buffer.batches import Batch
from worker.settings import DeliverySettings

LATEST_S = 0.08  # from the claim to the wire, where the rate is limited: later is too close to the next request
READ_BYTES_A_SECOND = 20_000_000  # so much longer for a large batch


class SecondThoughts:
    """Of one delivery. Claims made after what was learned was settled are right again: the script knew of it."""

    def __init__(self, settings: DeliverySettings) -> None:
        self._settings = settings
        self._accounts: dict[str, float] = {}
        self._all = 0.0

    def about(self, account: str) -> None:
        """An answer held the account, or made it go carefully: what was claimed of it before goes back."""
        self._accounts[account] = time.monotonic()

    def about_all(self) -> None:
        """The circuit opened."""
        self._all = time.monotonic()

    def on(self, batch: Batch, claimed_at: float) -> bool:
        """Whether the batch goes back instead of out."""
        learned = max(self._all, self._accounts.get(batch.account, 0.0))
        return claimed_at < learned or self._too_late(batch, time.monotonic() - claimed_at)

    def _too_late(self, batch: Batch, waited: float) -> bool:
        """Whether too little of the lease is left for a request, or the gap that the claim kept free is gone."""
        of = self._settings
        latest = LATEST_S + batch.size / READ_BYTES_A_SECOND
        return waited > of.lease_s - of.http_timeout_s or (of.spacing_ms > 0 and waited > latest)
