"""The only door to HTTP: an answer, or a word for why there is none. Never an exception."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import respx

from producers.destinations.answers import Answer, NoAnswer, Request
from worker import transport
from worker.http import HttpTransport

REQUEST = Request("https://api.example.com/v2/events", {"Authorization": "Basic c2VjcmV0"}, b'{"a":1}')


@pytest.fixture
async def http() -> AsyncIterator[HttpTransport]:
    made = HttpTransport(2)
    yield made
    await made.close()


async def test_an_answer_is_its_status_its_body_and_its_trace_id(
    http: HttpTransport, respx_mock: respx.MockRouter
) -> None:
    route = respx_mock.post(REQUEST.url).respond(200, content=b"{}", headers={"x-rokt-trace-id": "t-1"})
    assert await http.post(REQUEST, 1) == Answer(200, b"{}", "t-1")
    sent = route.calls.last.request
    assert sent.content == REQUEST.body
    assert sent.headers["Authorization"] == "Basic c2VjcmV0"
    assert sent.headers["Content-Length"] == "7"


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 308, 400, 404, 429, 500, 503])
async def test_any_status_is_an_answer_and_no_redirect_is_followed(
    http: HttpTransport, respx_mock: respx.MockRouter, status: int
) -> None:
    """Following one would carry credentials and events to another host."""
    respx_mock.post(REQUEST.url).respond(status, headers={"Location": "https://elsewhere.example.com/"})
    assert await http.post(REQUEST, 1) == Answer(status, b"", "")


async def test_a_trace_id_is_cut_to_what_is_worth_keeping(http: HttpTransport, respx_mock: respx.MockRouter) -> None:
    respx_mock.post(REQUEST.url).respond(200, headers={"X-Rokt-Trace-Id": "t" * 500})
    answer = await http.post(REQUEST, 1)
    assert isinstance(answer, Answer)
    assert len(answer.trace_id) == 128


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (httpx.ConnectTimeout("x"), "Timeout"),
        (httpx.ReadTimeout("x"), "Timeout"),
        (httpx.PoolTimeout("x"), "Timeout"),
        (TimeoutError(), "Timeout"),
        (httpx.ConnectError("x"), "ConnectionFailed"),
        (httpx.ReadError("x"), "ConnectionBroken"),
        (httpx.WriteError("x"), "ConnectionBroken"),
        (httpx.RemoteProtocolError("x"), "ConnectionBroken"),
        (httpx.LocalProtocolError("x"), "ConnectionBroken"),
        (httpx.ProxyError("x"), "ConnectionBroken"),
        (httpx.UnsupportedProtocol("x"), "ConnectionBroken"),
        (httpx.InvalidURL("x"), "ConnectionBroken"),
        (ConnectionResetError(), "ConnectionBroken"),
        (OSError(24, "too many open files"), "ConnectionBroken"),
    ],
)
async def test_what_the_network_does_is_a_word_and_not_an_exception(
    http: HttpTransport, respx_mock: respx.MockRouter, error: Exception, code: str
) -> None:
    respx_mock.post(REQUEST.url).mock(side_effect=error)
    answer = await http.post(REQUEST, 1)
    assert isinstance(answer, NoAnswer)
    assert answer.code == code
    assert "c2VjcmV0" not in answer.message


async def test_the_time_out_is_for_the_whole_request(http: HttpTransport, respx_mock: respx.MockRouter) -> None:
    """A host that trickles its answer is given up too."""

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    respx_mock.post(REQUEST.url).mock(side_effect=never)
    assert await http.post(REQUEST, 0.01) == NoAnswer("Timeout", "no answer within 0.01 s")


async def test_an_answer_that_breaks_off_is_no_answer(http: HttpTransport, respx_mock: respx.MockRouter) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b'{"data":'
        raise httpx.ReadError("gone")

    respx_mock.post(REQUEST.url).mock(side_effect=lambda _: httpx.Response(200, content=half()))
    answer = await http.post(REQUEST, 1)
    assert isinstance(answer, NoAnswer)
    assert answer.code == "ConnectionBroken"


async def test_an_answer_in_an_encoding_that_was_not_asked_for_is_no_answer(
    http: HttpTransport, respx_mock: respx.MockRouter
) -> None:
    """A small one may unpack to any size, in one step that no time-out can end."""

    async def rubbish() -> AsyncIterator[bytes]:
        yield b"this may be gzip"

    headers = {"Content-Encoding": "gzip"}
    respx_mock.post(REQUEST.url).mock(side_effect=lambda _: httpx.Response(200, headers=headers, content=rubbish()))
    answer = await http.post(REQUEST, 1)
    assert isinstance(answer, NoAnswer)
    assert answer.code == "AnswerEncoded"


async def test_an_endless_answer_is_given_up(
    http: HttpTransport, respx_mock: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not fill a worker's memory."""
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1000)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100

    respx_mock.post(REQUEST.url).mock(side_effect=lambda _: httpx.Response(200, content=endless()))
    answer = await http.post(REQUEST, 5)
    assert isinstance(answer, NoAnswer)
    assert answer.code == "AnswerTooLarge"


async def test_what_one_answer_sets_is_not_sent_with_the_next_request(
    http: HttpTransport, respx_mock: respx.MockRouter
) -> None:
    """One client serves all accounts: a cookie of one must not travel with another's events."""
    route = respx_mock.post(REQUEST.url).respond(200, headers={"Set-Cookie": "session=of-account-1; Path=/"})
    await http.post(REQUEST, 1)
    await http.post(REQUEST, 1)
    assert "Cookie" not in route.calls.last.request.headers
