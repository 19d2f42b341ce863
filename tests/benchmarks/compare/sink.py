"""Takes requests in as Rokt's APIs would, each after the same delay: `python -m tests.benchmarks.compare.sink`.

A process of its own; prints a line of JSON with its addresses. It keeps what comes in memory and looks at it only when
it is asked to, after the run. Questions come as lines on its standard input, answers go as lines of JSON to its
standard output; it ends when its input does.
"""

from __future__ import annotations

import argparse
import gc
import ssl
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.compare.checking import Arrival, checked
from tests.benchmarks.compare.serving import Server
from tests.benchmarks.compare.workloads import planned

_TYPE = b"Content-Type: application/json\r\n"
_EVENT_API = b'{"data":{"unprocessedRecords":[]}}'
_MARKS = {"W1": b'"clientEventId"', "W2": b'"sessionId"', "W3": b"@"}  # one an event


def answer(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, _TYPE, len(body), body)


_CONVERSIONS = answer(b"200 OK", _EVENT_API)
_MEMBERS = answer(b"201 Created", b"Created")
_SIGNALS = [
    answer(b"200 OK", b'{"success":true,"processedEventsCount":%d,"unprocessedEvents":[]}' % count)
    for count in range(1_001)
]


class State:
    """What came, in the order in which it came."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.arrivals: list[Arrival] = []
        self.events = 0
        self.faults: list[str] = []

    def taken(self, head: bytes, body: bytes) -> bytes:
        self.arrivals.append(Arrival(time.monotonic(), head, body))
        if b"/v1/partner/events" in head:
            count = body.count(_MARKS["W2"])
            self.events += count
            return _SIGNALS[min(count, 1_000)]
        if b"/v2/events" in head:
            self.events += body.count(_MARKS["W1"])
            return _CONVERSIONS
        self.events += body.count(_MARKS["W3"])
        return _MEMBERS

    def fault(self, text: str) -> None:
        self.faults.append(text)

    def asked(self, question: str) -> Any:
        name, *words = question.split()
        return getattr(self, f"_{name}")(*words)

    def _count(self) -> dict[str, Any]:
        """Events and requests so far, and when the first and the last came."""
        arrivals = self.arrivals
        times = {"first": arrivals[0].at, "last": arrivals[-1].at} if arrivals else {}
        return {"events": self.events, "requests": len(arrivals), "faults": self.faults[:3], **times}

    def _reset(self) -> dict[str, Any]:
        """Forgets what came to warm up."""
        came = self._count()
        self.arrivals, self.events = [], 0
        return came

    def _check(self, workload: str, *sent: str) -> dict[str, Any]:
        """The verdict, and how many events the first request held. `sent`: `NAME:COUNT` of each process that sent."""
        named = [each.split(":") for each in sent]
        plans = [plan for name, count in named for plan in planned(workload, int(count), name)]
        verdict = checked(workload, plans, self.arrivals)
        first = self.arrivals[0].body.count(_MARKS[workload]) if self.arrivals else 0
        return {"verdict": verdict, "in_first": first, "sizes": self._sizes(workload)}

    def _sizes(self, workload: str) -> dict[str, int]:
        """How many requests held so many events: the most frequent ones."""
        sizes = Counter(arrival.body.count(_MARKS[workload]) for arrival in self.arrivals)
        return {str(size): times for size, times in sizes.most_common(5)}


def serve(delay_s: float, certificate: Path | None, key: Path | None) -> None:
    context, state = None, State(delay_s)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    server = Server(state, context)
    tell({"url": server.url})
    server.serve(lambda question: tell(state.asked(question)))


def tell(what: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    asked = parser.parse_args()
    gc.freeze()
    gc.disable()  # there are no circles, and hundreds of thousands of bodies to look through
    serve(asked.delay_ms / 1_000, asked.certificate, asked.key)


if __name__ == "__main__":
    main()
