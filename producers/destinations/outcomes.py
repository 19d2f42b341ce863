"""What an answer means for the events of a batch. Pure data and the parts that every destination shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from producers.destinations.answers import Answer, NoAnswer

SERVER_SIDE_CODES = frozenset({"InternalServerError", "ServiceUnavailableError"})


class Reason(NamedTuple):
    """Why an event was not taken: Rokt's own code and message, or ours where Rokt gave none."""

    code: str
    message: str


class Delivered(NamedTuple):
    """The request was taken. Events are named by their place in it; all that are not named were delivered.

    `refused` become dead letters; `later` are sent again after a delay; `unclear` could not be told apart from a
    refused one and are sent again one by one, since none counts as delivered on a guess.
    """

    refused: Mapping[int, tuple[Reason, ...]] = {}
    later: frozenset[int] = frozenset()
    unclear: frozenset[int] = frozenset()


class Rejected(NamedTuple):
    """The whole request was refused for its content; nothing of it was taken."""

    reasons: tuple[Reason, ...]


class Retry(NamedTuple):
    """Nothing is known to be taken; the same request may succeed later."""

    reasons: tuple[Reason, ...]


Outcome = Delivered | Rejected | Retry

_STATUS_CODES = {
    401: "UnauthorizedError",
    403: "Forbidden",
    404: "NotFound",
    408: "RequestTimeout",
    413: "PayloadTooLarge",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailableError",
    504: "GatewayTimeout",
}


def retry_of(answer: Answer | NoAnswer, reason: Reason | None = None) -> Retry:
    """Retry, for Rokt's reason or else for the status or the lack of an answer."""
    if isinstance(answer, NoAnswer):
        return Retry((Reason(answer.code, answer.message),))
    return Retry((reason or Reason(status_code(answer.status), f"HTTP status {answer.status}"),))


def unreadable(answer: Answer, fault: str) -> Retry:
    """The body is not the API's: a proxy's page, or half an answer. Nothing may be concluded from it."""
    return Retry(
        (Reason("UnreadableAnswer", f"HTTP status {answer.status} with a body that is not the API's: {fault}"),)
    )


def status_code(status: int) -> str:
    """A code for a status that came without one."""
    return _STATUS_CODES.get(status, f"Http{status}")
