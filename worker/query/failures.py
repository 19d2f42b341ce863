"""What an answer means when it is not what was asked for. Pure. Source: query-api.txt, "Error Responses"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from producers.destinations.answers import Answer, NoAnswer
from worker.query.errors import (
    AccessDenied,
    BadRequest,
    NotAuthenticated,
    NotFound,
    NotReached,
    QueryFailed,
    ServerFailed,
    TimedOut,
    TooManyRequests,
    UnexpectedAnswer,
)
from worker.query.server_words import server_words

_SECONDS = re.compile(r"[0-9]{1,9}")


class Asked(NamedTuple):
    """What was asked for, in words, and what the endpoint's refusals mean. `hint`: what else to say of a 400."""

    name: str
    missing: str
    denied: str = "this user has no access to it"
    hint: str = ""


def failure(answer: Answer, asked: Asked, now: datetime, conceal: Sequence[str] = ()) -> QueryFailed:
    """The exception for an answer that is no success. `conceal`: secrets that the server may have echoed."""
    said = server_words(answer.body, conceal)
    make = _MEANINGS.get(answer.status, _server_failed if answer.status >= 500 else _unexpected)
    return make(answer, asked, f": {said}" if said else "", now)


def no_answer(reason: NoAnswer, asked: Asked) -> QueryFailed:
    """The exception for a request that nobody answered."""
    if reason.code == "Timeout":
        return TimedOut(f"{asked.name}: {reason.message}")
    if reason.code == "AnswerTooLarge":
        return UnexpectedAnswer(f"{asked.name}: {reason.message}")
    return NotReached(f"{asked.name}: {reason.message}")


def retry_after_s(text: str, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` header: seconds or a date (RFC 9110, 10.2.3). None: it says neither."""
    if _SECONDS.fullmatch(text.strip()):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())


def _bad_request(answer: Answer, asked: Asked, said: str, _: datetime) -> QueryFailed:
    hint = f" ({asked.hint})" if asked.hint else ""
    message = f"{asked.name}: the API did not take the request's parameters or filters (400){said}{hint}"
    return BadRequest(message, status=answer.status, trace_id=answer.trace_id)


def _not_authenticated(answer: Answer, asked: Asked, said: str, _: datetime) -> QueryFailed:
    message = f"{asked.name}: the access token was refused (401){said}"
    return NotAuthenticated(message, status=answer.status, trace_id=answer.trace_id)


def _access_denied(answer: Answer, asked: Asked, said: str, _: datetime) -> QueryFailed:
    return AccessDenied(f"{asked.name}: {asked.denied} (403){said}", status=answer.status, trace_id=answer.trace_id)


def _not_found(answer: Answer, asked: Asked, said: str, _: datetime) -> QueryFailed:
    return NotFound(f"{asked.name}: {asked.missing} (404){said}", status=answer.status, trace_id=answer.trace_id)


def _too_many_requests(answer: Answer, asked: Asked, said: str, now: datetime) -> QueryFailed:
    wait_s = retry_after_s(answer.retry_after, now)
    when = "later" if wait_s is None else f"in {wait_s:.0f} s"
    message = f"{asked.name}: too many requests (429), try again {when}{said}"
    return TooManyRequests(message, retry_after_s=wait_s, status=answer.status, trace_id=answer.trace_id)


def _server_failed(answer: Answer, asked: Asked, said: str, _: datetime) -> QueryFailed:
    message = f"{asked.name}: the server failed ({answer.status}), try again later{said}"
    return ServerFailed(message, status=answer.status, trace_id=answer.trace_id)


def _unexpected(answer: Answer, asked: Asked, said: str, _: datetime) -> QueryFailed:
    message = f"{asked.name}: an answer that the API's document does not name ({answer.status}){said}"
    return UnexpectedAnswer(message, status=answer.status, trace_id=answer.trace_id)


_MEANINGS: dict[int, Callable[[Answer, Asked, str, datetime], QueryFailed]] = {
    400: _bad_request,
    401: _not_authenticated,
    403: _access_denied,
    404: _not_found,
    429: _too_many_requests,
}
