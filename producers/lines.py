"""One event as `forwarder enqueue` and `enqueue_many` take it: `{"destination", "account", "event", "id"?}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from producers.errors import Fault, InvalidEvent
from producers.validation import validated


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`event` is spelled as Rokt's document does. `id` is made if absent."""

    destination: str
    account: str
    event: Any
    id: str | None = None

    @classmethod
    def of(cls, value: Line | Mapping[str, Any]) -> Line:
        """Raises `InvalidEvent` with every fault of the line itself; the event is checked by its destination."""
        if not isinstance(value, (dict, Line, Mapping)):  # in this order: to ask an abstract class takes long
            raise InvalidEvent([Fault("line", f"expected an object, got {type(value).__name__}")])
        try:
            return msgspec.convert(value, cls)
        except (msgspec.ValidationError, UnicodeEncodeError):
            return validated(value, cls, at="")  # which tells every fault


def parse_line(text: bytes) -> Line:
    """A line of JSON. Raises `InvalidEvent` if it is not JSON, or not such a line."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent([Fault("line", f"is not JSON: {error}")]) from None
    return Line.of(value)
