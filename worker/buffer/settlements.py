"""A settlement as settle.lua reads it."""

from __future__ import annotations

from typing import Any

from worker.buffer.batches import Batch, Settlement, Verdict
from worker.buffer.tallies import request_field

_MODES = {(False, False): "", (True, False): "refund", (True, True): "renew", (False, True): "renew"}
SHORT = 9  # arguments where all of the batch was delivered


def settle_args(batch: Batch, settlement: Settlement) -> list[Any]:
    """Its arguments: few of them where all was delivered, as of nearly all."""
    noted = settlement.noted
    asked = request_field(noted.status, noted.request_ms, noted.sent) if noted.status >= 0 else ""
    head = [
        batch.id,
        batch.token,
        settlement.delivered,
        noted.told,
        asked,
        noted.request_ms,
        noted.sent,
        noted.waited_ms,
    ]
    if _is_plain(settlement):
        return [*head, 0]
    dead, again = settlement.dead, settlement.again
    mode = _MODES[settlement.refund, settlement.renewed]
    more: list[Any] = [mode, settlement.verdict.value, settlement.hold_ms, settlement.reason, settlement.credentials]
    more += [int(settlement.reached), noted.prints, len(dead), len(again)]
    more += [item for death in dead for item in death]
    more += [item for part in again for item in part]
    return [*head, len(more), *more]


def _is_plain(settlement: Settlement) -> bool:
    """Nothing of it is to be said but that all was delivered."""
    if settlement.dead or settlement.again or settlement.verdict is not Verdict.TAKEN:
        return False
    return settlement.reached and not settlement.noted.prints
