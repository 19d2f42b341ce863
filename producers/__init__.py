"""Hands single events to the Rokt event forwarder: `Producer.from_env().enqueue("event-api", account=…, event=…)`."""

from producers.errors import ConfigurationError, EnqueueFailed, Fault, ForwarderError, InvalidEvent
from producers.producer import Producer, Result

__all__ = ["ConfigurationError", "EnqueueFailed", "Fault", "ForwarderError", "InvalidEvent", "Producer", "Result"]
