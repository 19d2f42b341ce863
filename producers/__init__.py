"""Hands single events to the Rokt event forwarder: `Producer.from_env().enqueue("event-api", account=…, event=…)`."""

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
