"""One dead letter, as it lies in Redis and as a person sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from producers.clock import rfc3339
from producers.destinations import DESTINATIONS, Whole
from producers.keys import Slot
from producers.stored_event import StoredEvent, decode
from worker.intake.letters import readable


class Letter(NamedTuple):
    """An event that is not sent again by itself. Its reasons: its history's last entry. `died_at` in milliseconds."""

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

    @property
    def expires_at(self) -> int | None:
        """From when on it is not accepted any more; None where no event is too old."""
        to = DESTINATIONS.get(self.slot.destination)
        return to.window.expires(self.event.event_time) if to else None

    @property
    def attempts(self) -> int:
        """In all its lives."""
        return sum(entry.get("attempts", 0) for entry in self.event.history)

    @property
    def last(self) -> Mapping[str, Any]:
        """The entry of its last death. An edit is an entry too, and no death."""
        deaths = (entry for entry in reversed(self.event.history) if "edited" not in entry)
        return next(deaths, {})

    def readable(self) -> Any:
        """The event as the document spells it; of the intake, the message."""
        to = DESTINATIONS.get(self.slot.destination)
        return to.event_of(self.event.payload, self.of) if to else readable(self.event.payload)

    def mentions(self, text: str) -> bool:
        """Whether the text stands in the event, its id or its reasons, in capitals or not."""
        reasons = json.dumps([entry.get("reasons") for entry in self.event.history], ensure_ascii=False)
        readable_text = json.dumps(self.readable(), ensure_ascii=False)
        plain = self.event.payload.decode("utf-8", "replace")
        where = "\n".join((self.id, reasons, readable_text, plain)).casefold()
        return any(each.casefold() in where for each in {text, json.dumps(text, ensure_ascii=False)[1:-1]})

    def shown(self) -> dict[str, Any]:
        """The public form: what `dlq list --json` prints."""
        expires, last = self.expires_at, self.last
        return {
            "id": self.id,
            "destination": self.slot.destination,
            "account": self.of.account,
            "event": self.readable(),
            "reasons": last.get("reasons", []),
            "status": last.get("status") or None,
            "trace_id": last.get("trace_id") or None,
            "attempts": self.attempts,
            "enqueued_at": rfc3339(self.event.enqueued_at),
            "died_at": rfc3339(self.died_at),
            "expires_at": None if expires is None else rfc3339(expires),
        }
