"""What an answer means for the events of a batch. Pure data and the parts that every destination shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from producers.destinations.answers import Answer, NoAnswer

UNSENDABLE_CODES = frozenset({"CredentialsUnsendable"})
SERVER_SIDE_CODES = frozenset({"InternalServerError", "ServiceUnavailableError"})
UNUSUAL = "UnusualCode"  # of an answer whose code could be anything
_CODE = re.compile(r"(?!(?:\D*\d){7})[A-Za-z][A-Za-z0-9_.-]{0,63}|[0-9]{1,5}", re.ASCII)


class Reason(NamedTuple):
    """Why an event was not taken: Rokt's own code and message, or ours where Rokt gave none."""

    code: str
    message: str


def told(code: str, message: str) -> Reason:
    """What an answer says. Codes go where no person's data may: into logs, tasks, metrics and indexes.

    So what does not look like one (it could hold an address, a name or a number of somebody) goes before the message.
    """
    return Reason(code, message) if _CODE.fullmatch(code) else Reason(UNUSUAL, f"{code}: {message}")


class Delivered(NamedTuple):
    """The request was taken. Events are named by their place in it; all that are not named were delivered.

    `refused` become dead letters; `later` are sent again after a delay; `unclear` could not be told apart from a
    refused one and are sent again one by one, since none counts as delivered on a guess.
    """

    refused: Mapping[int, tuple[Reason, ...]] = {}
    later: frozenset[int] = frozenset()
    unclear: frozenset[int] = frozenset()


ALL_TAKEN = Delivered()


class Rejected(NamedTuple):
    """The whole request was refused for its content; nothing of it was taken."""

    reasons: tuple[Reason, ...]


class Limited(NamedTuple):
    """The account is to wait. `retry_after`: the answer's header, seconds or a date; "" where it has none."""

    reasons: tuple[Reason, ...]
    retry_after: str = ""


class Unauthorized(NamedTuple):
    """The account's credentials were refused, or there are none: no request of it has a chance."""

    reasons: tuple[Reason, ...]


class Retry(NamedTuple):
    """Nothing is known to be taken; the same request may succeed later. `answered`: the API itself said so."""

    reasons: tuple[Reason, ...]
    answered: bool = False


Outcome = Delivered | Rejected | Limited | Unauthorized | Retry

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


def not_taken(answer: Answer | NoAnswer, reason: Reason | None = None) -> Limited | Unauthorized | Retry:
    """What every API means by a status, or by no answer at all; for Rokt's reason, where it gave one."""
    if isinstance(answer, NoAnswer):
        reasons = (Reason(answer.code, answer.message),)
        return Unauthorized(reasons) if answer.code in UNSENDABLE_CODES else Retry(reasons)
    reasons = (reason or Reason(status_code(answer.status), f"HTTP status {answer.status}"),)
    if answer.status == 429 or (answer.status == 503 and answer.retry_after):
        return Limited(reasons, answer.retry_after)
    return Unauthorized(reasons) if answer.status in (401, 403) else Retry(reasons)


def unreadable(answer: Answer, fault: str) -> Retry:
    """The body is not the API's: a proxy's page, or half an answer. Nothing may be concluded from it."""
    return Retry(
        (Reason("UnreadableAnswer", f"HTTP status {answer.status} with a body that is not the API's: {fault}"),)
    )


def status_code(status: int) -> str:
    """A code for a status that came without one."""
    return _STATUS_CODES.get(status, f"Http{status}")
