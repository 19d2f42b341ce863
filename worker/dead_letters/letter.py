"""One dead letter, as it lies in Redis and as a person sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from producers.clock import rfc3339
from producers.destinations import DESTINATIONS, Whole
from producers.keys import Slot
from producers.stored_event import StoredEvent, decode
from worker.history import last_death
from worker.intake.letters import readable


class Letter(NamedTuple):
    """An event that is not sent again by itself. Its reasons: of its last death. `died_at` in milliseconds."""

    slot: Slot
    number: str
    id: str
    of: Whole
    code: str
    died_at: int
    event: StoredEvent

    @classmethod
    def read(cls, slot: Slot, number: str, died_at: float, fields: Mapping[bytes, bytes]) -> Letter:
        """From the hash of the letter."""
        texts = {name: fields[name.encode()].decode() for name in ("id", "account", "order", "kind", "code")}
        of = Whole(texts["account"], texts["order"], texts["kind"])
        return cls(slot, number, texts["id"], of, texts["code"], int(died_at), decode(fields[b"event"]))

    def shown(self) -> dict[str, Any]:
        """The public form: what `dlq list --json` prints."""
        to = DESTINATIONS.get(self.slot.destination)
        expires = to.window.expires(self.event.event_time) if to else None
        last = last_death(self.event.history)
        return {
            "id": self.id,
            "destination": self.slot.destination,
            "account": self.of.account,
            "event": to.event_of(self.event.payload, self.of) if to else readable(self.event.payload),
            "reasons": last.get("reasons", []),
            "status": last.get("status") or None,
            "trace_id": last.get("trace_id") or None,
            "attempts": sum(entry.get("attempts", 0) for entry in self.event.history),
            "enqueued_at": rfc3339(self.event.enqueued_at),
            "died_at": rfc3339(self.died_at),
            "expires_at": None if expires is None else rfc3339(expires),
        }
