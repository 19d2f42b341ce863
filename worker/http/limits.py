"""What the transports are told beside httpx's own words, and what they raise beside its errors."""

from __future__ import annotations

import httpx

LARGEST_ANSWER = 32_000_000  # bytes; a refusal echoes what was sent, so it may be larger than a request
KEPT_S = 55  # an idle connection: load balancers close theirs after a minute
WITHIN = "within_s"  # of a request's `extensions`: seconds for all of it, queueing, connecting and reading included


class AnswerTooLarge(httpx.TransportError):
    """The answer was given up, and its connection closed."""


class Unsendable(httpx.LocalProtocolError):
    """A header holds what no header can carry. The message never tells its value."""


class ProxyUnusable(httpx.ProxyError):
    """What the environment names is no proxy that could be asked. The message never tells its password."""
