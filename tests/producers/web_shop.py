"""A shop's web server, as careless as it may be: it enqueues while it is loaded, and then once a request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from producers import Producer

producer = Producer.from_env()
producer.enqueue("event-api", account="1", event={"eventType": "conversion"})


def sell(_request: object, answer: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Answers with the id of its process."""
    producer.enqueue("event-api", account="1", event={"eventType": "conversion"})
    answer("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
