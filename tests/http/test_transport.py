"""What a transport under it does is an answer, or a word for why there is none. Never an exception."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from producers.destinations.answers import Answer, NoAnswer, Request
from worker.http import HttpTransport
from worker.http.limits import AnswerTooLarge

REQUEST = Request("https://api.example.com/v2/events", {"Authorization": "Basic c2VjcmV0"}, b'{"a":1}')


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
        (AnswerTooLarge("x"), "AnswerTooLarge"),
        (ConnectionResetError(), "ConnectionBroken"),
        (OSError(24, "too many open files"), "ConnectionBroken"),
    ],
)
async def test_what_the_network_does_is_a_word_and_not_an_exception(error: Exception, code: str) -> None:
    def breaks(_: httpx.Request) -> httpx.Response:
        raise error

    answer = await HttpTransport(1, over=httpx.MockTransport(breaks)).post(REQUEST, 1)
    assert isinstance(answer, NoAnswer)
    assert answer.code == code
    assert "c2VjcmV0" not in answer.message


async def test_any_transport_of_httpx_serves() -> None:
    """As a shop's own, or that of a test."""
    heard: list[httpx.Request] = []

    async def answers(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        await asyncio.sleep(0)
        return httpx.Response(200, content=await request.aread(), headers={"X-Rokt-Trace-Id": "t-1"})

    http = HttpTransport(1, over=httpx.MockTransport(answers))
    assert await http.post(REQUEST, 1) == Answer(200, REQUEST.body, "t-1")
    assert heard[0].headers["Host"] == "api.example.com"
    assert heard[0].headers["Content-Length"] == "7"
    await http.close()


async def test_an_answer_that_breaks_off_while_it_is_read_is_none() -> None:
    class Half(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            yield b'{"data":'
            raise httpx.ReadError("gone")

    http = HttpTransport(1, over=httpx.MockTransport(lambda _: httpx.Response(200, stream=Half())))
    answer = await http.post(REQUEST, 1)
    assert isinstance(answer, NoAnswer)
    assert answer.code == "ConnectionBroken"
