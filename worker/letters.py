"""One dead letter, as it lies in Redis and as a person sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from producers.clock import rfc3339
from producers.keys import Slot
from producers.stored_event import StoredEvent, decode
from worker.destinations import Api


class Letter(NamedTuple):
    """An event that is not sent again by itself. Its reasons: its history's last entry. `died_at` in milliseconds."""

    slot: Slot
    number: int
    id: str
    account: str
    code: str
    died_at: int
    event: StoredEvent

    @classmethod
    def of(cls, slot: Slot, number: int, died_at: float, fields: Mapping[bytes, bytes]) -> Letter:
        """From the hash of the letter."""
        texts = {name: fields[name.encode()].decode() for name in ("id", "account", "code")}
        return cls(slot, number, **texts, died_at=int(died_at), event=decode(fields[b"event"]))

    def shown(self, api: Api) -> dict[str, Any]:
        """The public form: what `dlq list --json` prints."""
        last = self.event.history[-1] if self.event.history else {}
        return {
            "id": self.id,
            "destination": self.slot.destination,
            "account": self.account,
            "event": api.event_of(self.event),
            "reasons": last.get("reasons", []),
            "status": last.get("status") or None,
            "trace_id": last.get("trace_id") or None,
            "attempts": sum(entry.get("attempts", 0) for entry in self.event.history),
            "enqueued_at": rfc3339(self.event.enqueued_at),
            "died_at": rfc3339(self.died_at),
            "expires_at": rfc3339(api.accepts.window.expires(self.event.event_time)),
        }
