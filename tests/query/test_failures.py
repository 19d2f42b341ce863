"""What an answer means when it is no success. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from producers.destinations.answers import Answer, NoAnswer
from worker.query import errors
from worker.query.failures import Asked, failure, no_answer, retry_after_s
from worker.query.server_words import LONGEST, server_words

NOW = datetime(2025, 3, 4, 12, tzinfo=UTC)
ASKED = Asked("account 1", "an account with this id does not exist", hint="a hint")


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, errors.BadRequest, "did not take the request's parameters or filters (400) (a hint)"),
        (401, errors.NotAuthenticated, "the access token was refused (401)"),
        (403, errors.AccessDenied, "no access to it (403)"),
        (404, errors.NotFound, "an account with this id does not exist (404)"),
        (429, errors.TooManyRequests, "too many requests (429), try again later"),
        (500, errors.ServerFailed, "the server failed (500), try again later"),
        (503, errors.ServerFailed, "the server failed (503)"),
        (204, errors.UnexpectedAnswer, "(204)"),
        (302, errors.UnexpectedAnswer, "(302)"),
        (418, errors.UnexpectedAnswer, "(418)"),
    ],
)
def test_each_status_is_one_exception(status: int, kind: type[errors.QueryFailed], said: str) -> None:
    error = failure(Answer(status, b"", "trace-1"), ASKED, NOW)
    assert type(error) is kind
    assert (error.status, error.trace_id) == (status, "trace-1")
    assert str(error).startswith("account 1: ")
    assert said in str(error)
    assert str(error).endswith("(trace id trace-1)")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Timeout", errors.TimedOut),
        ("ConnectionFailed", errors.NotReached),
        ("ConnectionBroken", errors.NotReached),
        ("AnswerTooLarge", errors.UnexpectedAnswer),
    ],
)
def test_no_answer_has_its_exceptions_too(code: str, kind: type[errors.QueryFailed]) -> None:
    error = no_answer(NoAnswer(code, "what happened"), ASKED)
    assert type(error) is kind
    assert (str(error), error.status) == ("account 1: what happened", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        (" 5 ", 5),
        ("Tue, 04 Mar 2025 12:01:00 GMT", 60),
        ("Tue, 04 Mar 2025 13:01:00 +0100", 60),
        ("Tue, 04 Mar 2025 12:01:00 -0000", 60),
        ("Tue, 04 Mar 2025 11:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("9" * 400, None),
        ("Tue, 99 Mar 2025 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, NOW) == seconds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "no"}, "no"),
        ({"error": "Bad Request", "message": "Invalid metric"}, "Invalid metric"),
        ({"error": {"message": "no"}}, "no"),
        ({"data": {"code": "X", "message": "no"}}, "no"),
        ({"errors": [{"message": "a"}, {"detail": "b"}, "c"]}, "a; b; c"),
        ({"detail": "no"}, "no"),
        ("no", "no"),
        ({"message": "two\nlines \x1b[31m"}, "two lines  [31m"),
        ({"message": {"message": {"message": {"message": {"message": "too deep"}}}}}, ""),
        ({"other": "no"}, ""),
        ({}, ""),
        (5, ""),
        (None, ""),
    ],
)
def test_the_servers_words_are_found_in_the_forms_that_apis_use(body: Any, words: str) -> None:
    assert server_words(json.dumps(body).encode()) == words


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_says_nothing(body: bytes) -> None:
    assert server_words(body) == ""


def test_long_words_are_cut() -> None:
    assert server_words(json.dumps({"message": "a" * 10_000}).encode()) == "a" * LONGEST + "…"


def test_a_secret_is_concealed_before_the_words_are_cut() -> None:
    body = json.dumps({"message": "a" * (LONGEST - 3) + "s3cret"}).encode()
    assert "s3c" not in server_words(body, ["", "s3cret"])
