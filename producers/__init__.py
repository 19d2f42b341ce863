"""Hands single events to the Rokt event forwarder: `Producer.from_env().enqueue("event-api", account=…, event=…)`."""

from typing import TYPE_CHECKING

from producers.lazily import lazily

if TYPE_CHECKING:
    from producers.accepted import EventId, Fate
    from producers.errors import ConfigurationError, EnqueueFailed, Fault, ForwarderError, InvalidEvent
    from producers.many import Result
    from producers.producer import Producer

__all__ = [
    "ConfigurationError",
    "EnqueueFailed",
    "EventId",
    "Fate",
    "Fault",
    "ForwarderError",
    "InvalidEvent",
    "Producer",
    "Result",
]
__getattr__ = lazily(
    __name__,
    {
        **dict.fromkeys(("EventId", "Fate"), "producers.accepted"),
        **dict.fromkeys(
            ("ConfigurationError", "EnqueueFailed", "Fault", "ForwarderError", "InvalidEvent"), "producers.errors"
        ),
        "Result": "producers.many",
        "Producer": "producers.producer",
    },
)
