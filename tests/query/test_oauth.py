"""The token request is the document's, its answer is read with care, and no secret shows anywhere."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from producers.destinations.answers import Answer
from producers.errors import ConfigurationError
from tests.query.samples import APP_ID, APP_SECRET
from worker.access.oauth import Token, TokenFailed, read_token, token_request


def answer(status: int, body: Any) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_the_request_is_the_one_of_the_document() -> None:
    request = token_request("https://api.rokt.com", APP_ID, APP_SECRET)
    assert (request.method, request.url) == ("POST", "https://api.rokt.com/auth/oauth2/token")
    assert request.body == b"grant_type=client_credentials"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    scheme, encoded = request.headers["Authorization"].split(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", f"{APP_ID}:{APP_SECRET}")


def test_an_id_that_would_shift_the_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="app_id") as caught:
        token_request("https://api.rokt.com", "a:b", "s3cret")
    assert "s3cret" not in str(caught.value)


def test_the_documents_answer_is_read() -> None:
    token = read_token(answer(200, {"access_token": "eyJ.a-b_c", "expires_in": 3600, "token_type": "Bearer"}))
    assert token == Token("eyJ.a-b_c", 3600)


@pytest.mark.parametrize("extra", [{"expires_in": "3600"}, {"token_type": "bearer"}, {"scope": "report-api/read"}, {}])
def test_what_other_servers_write_is_read_too(extra: dict[str, Any]) -> None:
    assert read_token(answer(200, {"access_token": "t", **extra})) == Token(
        "t", 3600, extra.get("token_type", "Bearer")
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"",
        b"\xff",
        b"[" * 100_000,
        [],
        {},
        {"access_token": ""},
        {"access_token": 1},
        {"access_token": "a\r\nX-Header: b"},
        {"access_token": "t", "expires_in": 0},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "token_type": "mac"},
    ],
)
def test_a_200_without_a_usable_token_is_told(body: Any) -> None:
    with pytest.raises(TokenFailed, match="200") as caught:
        read_token(answer(200, body))
    assert (caught.value.status, caught.value.refused) == (200, False)


@pytest.mark.parametrize(
    ("status", "refused"), [(400, True), (401, True), (403, True), (404, False), (429, False), (503, False)]
)
def test_every_other_status_is_named_and_says_whether_the_credentials_are_at_fault(status: int, refused: bool) -> None:
    with pytest.raises(TokenFailed, match=str(status)) as caught:
        read_token(answer(status, b""))
    assert caught.value.refused is refused


def test_the_standards_own_error_code_is_told_and_nothing_else_of_the_body() -> None:
    with pytest.raises(TokenFailed, match="401 invalid_client") as caught:
        read_token(answer(401, {"error": "invalid_client", "error_description": f"bad secret {APP_SECRET}"}))
    assert APP_SECRET not in str(caught.value)


def test_a_code_that_the_standard_does_not_know_is_not_repeated() -> None:
    with pytest.raises(TokenFailed) as caught:
        read_token(answer(401, {"error": APP_SECRET}))
    assert APP_SECRET not in str(caught.value)


def test_a_tokens_text_form_does_not_show_it() -> None:
    assert "s3cret" not in f"{Token('s3cret')} {Token('s3cret')!r}"
