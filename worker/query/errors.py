"""What can go wrong with a query. One root; no message ever holds a secret or a token."""

from __future__ import annotations

from collections.abc import Sequence

from producers.errors import Fault, ForwarderError


class QueryFailed(ForwarderError):
    """Root. `status`: the answer's, None without one. `trace_id`: Rokt's name for the request, empty if none came."""

    def __init__(self, message: str, *, status: int | None = None, trace_id: str = "") -> None:
        self.status = status
        self.trace_id = trace_id
        super().__init__(f"{message} (trace id {trace_id})" if trace_id else message)


class InvalidQuery(QueryFailed):
    """The question was not sent, since it is wrong. `faults` holds every fault, by field in the document's spelling."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


class BadRequest(QueryFailed):
    """400: the API did not take the request's parameters or filters."""


class NotAuthenticated(QueryFailed):
    """401, or no token came: the app id and secret, or the token, were refused."""


class AccessDenied(QueryFailed):
    """403: this user has no access to the account."""


class NotFound(QueryFailed):
    """404: no account of this user, no such account, or no such resource, by endpoint."""


class TooManyRequests(QueryFailed):
    """429. `retry_after_s`: seconds to wait as the API asked, None if it did not say."""

    def __init__(self, message: str, *, retry_after_s: float | None, status: int, trace_id: str = "") -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message, status=status, trace_id=trace_id)


class ServerFailed(QueryFailed):
    """5xx: the fault is the server's; the same question may be answered later."""


class TimedOut(QueryFailed):
    """No answer within the time-out."""


class NotReached(QueryFailed):
    """No connection, or it broke before the answer was whole."""


class UnexpectedAnswer(QueryFailed):
    """A status or a body that is not the API's: a proxy's page, a redirect, a truncated text."""
