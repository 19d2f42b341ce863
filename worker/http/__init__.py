"""The only door to HTTP. httpx's types and errors end here; callers see `Answer` or `NoAnswer`."""

from worker.http.transport import KINDS, HttpTransport, Kind, Transport

__all__ = ["KINDS", "HttpTransport", "Kind", "Transport"]
