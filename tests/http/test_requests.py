"""What leaves is what was asked for, and a header that cannot carry its value leaves nothing."""

from __future__ import annotations

import select
from types import MappingProxyType

import pytest

from producers.destinations.answers import Answer, NoAnswer, Request
from tests.http.server import serving
from tests.http.words import said
from worker.http import HttpTransport


async def test_a_request_holds_what_it_was_given_and_little_else(http: HttpTransport) -> None:
    async with serving() as server:
        headers = {"Content-Type": "application/json", "rokt-id": "a: b, c", "Empty": ""}
        assert said(await http.post(server.request(b'{"a":1}', **headers), 5)) == 200
        heard = server.heard[0]
        assert (heard.method, heard.target, heard.body) == ("POST", "/v2/events", b'{"a":1}')
        assert heard.fields == {
            "host": f"127.0.0.1:{server.port}",
            "authorization": "Basic c2VjcmV0",
            "content-type": "application/json",
            "rokt-id": "a: b, c",
            "accept": "*/*",
            "accept-encoding": "identity",
            "user-agent": "rokt-forwarder",
            "content-length": "7",
            "empty": "",
        }


async def test_what_a_request_says_itself_is_said_once(http: HttpTransport) -> None:
    async with serving() as server:
        headers = {"accept": "application/json", "User-Agent": "mine"}
        await http.post(server.request(b"{}", **headers), 5)
        assert server.heard[0].fields["accept"] == "application/json"
        assert server.heard[0].fields["user-agent"] == "mine"
        assert "content-type" not in server.heard[0].fields


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [b"", b"body"])
async def test_methods_follow_each_other_on_one_transport(http: HttpTransport, method: str, body: bytes) -> None:
    async with serving() as server:
        for request in (
            server.request(b"first"),
            server.request(body)._replace(method=method),
            server.request(b"")._replace(method="GET"),
            server.request(b"last"),
        ):
            assert said(await http.post(request, 5)) == 200
        told = [(heard.method, heard.body) for heard in server.heard]
        assert told == [("POST", b"first"), (method, body), ("GET", b""), ("POST", b"last")]


async def test_the_path_and_its_query_are_sent_as_they_are(http: HttpTransport) -> None:
    async with serving() as server:
        paths = ["/a%2Fb?x=%20y&z", "/", "/a//b", "/a?b"]
        for path in paths:
            await http.post(Request(f"{server.url}{path}", {}, b""), 5)
        assert [heard.target for heard in server.heard] == paths


@pytest.mark.parametrize("value", ["schlüssel", "key\u200b", "key\n", "key\r\nX: y", "a\0b", "\udc00", "key ", "\x7f"])
async def test_a_value_that_no_header_can_carry_is_never_sent(http: HttpTransport, value: str) -> None:
    async with serving() as server:
        answer = await http.post(server.request(secret=value), 5)
        assert isinstance(answer, NoAnswer)
        assert answer.code == "CredentialsUnsendable"
        assert value not in answer.message
        assert server.connections == 0


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1", "http://", "http://[::1", ""])
async def test_nothing_but_http_is_spoken(http: HttpTransport, url: str) -> None:
    assert said(await http.post(Request(url, {}, b""), 5)) == "ConnectionBroken"


async def test_a_host_that_nobody_listens_on_is_a_connection_that_failed(http: HttpTransport) -> None:
    async with serving() as server:
        port = server.port
    assert said(await http.post(Request(f"http://127.0.0.1:{port}/", {}, b""), 5)) == "ConnectionFailed"


async def test_a_name_that_is_none_is_a_connection_that_failed(http: HttpTransport) -> None:
    assert said(await http.post(Request("http://nobody.invalid/", {}, b""), 10)) == "ConnectionFailed"


async def test_a_name_with_two_addresses_is_reached_by_the_one_that_listens(http: HttpTransport) -> None:
    """`localhost` is ::1 before it is 127.0.0.1."""
    async with serving() as server:
        assert isinstance(await http.post(Request(f"http://localhost:{server.port}/", {}, b""), 5), Answer)
    async with serving(host="::1") as server:
        assert isinstance(await http.post(Request(f"{server.url}/", {}, b""), 5), Answer)


async def test_accounts_that_take_turns_on_one_connection_each_send_their_own_headers(http: HttpTransport) -> None:
    """Headers that are kept for an account are told to the connection again once another account used it."""
    accounts = [MappingProxyType({"rokt-tag-id": name}) for name in ("one", "two")]
    async with serving() as server:
        for place in (0, 0, 1, 0, 1, 1):
            target = f"{server.url}/{place}"
            assert said(await http.post(Request(target, accounts[place], b"%d" % place), 5)) == 200
        heard = [(each.target, each.fields["rokt-tag-id"], each.body) for each in server.heard]
    assert heard == [(f"/{place}", ("one", "two")[place], b"%d" % place) for place in (0, 0, 1, 0, 1, 1)]


async def test_libcurl_sends_where_there_is_no_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")
    monkeypatch.setattr("worker.http.curl_loop._EVENTS", {})
    http = HttpTransport(2)
    async with serving() as server:
        assert [said(await http.post(server.request(b"x"), 5)) for _ in range(3)] == [200, 200, 200]
        await http.close()
