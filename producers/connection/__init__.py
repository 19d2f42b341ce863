"""The way to Redis: one pool a process, a thread that connects, and calls that end within their budget."""

from producers.connection.calls import Connection

__all__ = ["Connection"]
