"""Proxies are those of the environment, as every HTTP client on the machine has them; never for this machine itself."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from producers.destinations.answers import Request
from tests.http.conftest import Make
from tests.http.server import Peer, Server, serving
from tests.http.words import body_of, said
from tests.redis.certificates import Authority
from tests.support import certificates
from worker.http.machine import proxy_of

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def _none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def forwards(peer: Peer) -> None:
    """Answers itself for http, and makes a tunnel to nowhere for https."""
    while True:
        heard = await peer.request()
        await peer.answer(f"by proxy: {heard.target}".encode())


@pytest.fixture
async def proxy() -> AsyncIterator[Server]:
    async with serving(forwards) as server:
        yield server


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_http_goes_by_the_proxy(make: Make, proxy: Server, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, f"http://user:pass%20word@127.0.0.1:{proxy.port}")
    answer = await make(1).post(Request("http://api.example.com/v2/events?a=b", {}, b"{}"), 5)
    assert body_of(answer) == b"by proxy: http://api.example.com/v2/events?a=b"
    assert proxy.heard[0].fields["proxy-authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="
    assert proxy.heard[0].fields["host"] == "api.example.com"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
async def test_this_machine_is_never_reached_by_a_proxy(
    make: Make, proxy: Server, monkeypatch: pytest.MonkeyPatch, host: str, name: str
) -> None:
    monkeypatch.setenv(name, proxy.url)
    async with serving() as server:
        assert said(await make(1).post(Request(f"http://{host}:{server.port}/", {}, b""), 5)) == 200
        assert len(server.heard) == 1
        assert proxy.connections == 0


async def test_a_proxy_that_is_away_is_a_connection_that_failed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
    assert said(await make(1).post(Request("http://api.example.com/", {}, b""), 5)) == "ConnectionFailed"


async def test_https_goes_through_a_tunnel_with_the_hosts_own_certificate(
    make: Make, tunnelled: tuple[Server, list[str]]
) -> None:
    """The proxy sees a name, and neither credentials nor events; and the answer to CONNECT is no part of the answer."""
    server, asked = tunnelled
    http = make(1)
    for number in range(3):
        request = Request("https://api.example.com/v2/events", {"Authorization": "Basic c2VjcmV0"}, b"%d" % number)
        answer = await http.post(request, 5)
        assert body_of(answer) == b"%d" % number
        assert answer.trace_id == ""  # type: ignore[union-attr]
    assert [heard.target for heard in server.heard] == ["/v2/events"] * 3
    assert len(asked) == 1
    assert asked[0].startswith("CONNECT api.example.com:443 HTTP/1.1\r\n")
    assert "c2VjcmV0" not in asked[0]


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_tunnel_that_is_refused_is_no_answer(make: Make, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Else the proxy's word would pass for the host's."""

    async def refuses(peer: Peer) -> None:
        await peer.head()
        await peer.answer(b"{}", f"{status} No", "Proxy-Authenticate: Basic\r\n")
        await peer.closed()

    async with serving(refuses) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert said(await make(1).post(Request("https://api.example.com/", {}, b""), 5)) == "ConnectionBroken"
        assert proxy.connections == 1


@pytest.mark.parametrize(
    ("url", "no_proxy", "expected"),
    [
        ("https://api.example.com", "", "http://proxy.example.com:1"),
        ("https://api.example.com", "example.com", ""),
        ("https://api.example.com", ".example.com", ""),
        ("https://api.example.com", "other.example.com, api.example.com", ""),
        ("https://api.example.com:8443", "api.example.com:8443", ""),
        ("https://notexample.com", "example.com", "http://proxy.example.com:1"),
        ("https://api.example.com", "a.example, *", ""),
        ("https://10.0.0.1", "10.0.0.1", ""),
        ("https://[2001:db8::1]", "2001:db8::1", ""),
        ("https://[::1]", "", ""),
        ("http://api.example.com", "", "http://plain.example.com:2"),
    ],
)
def test_who_is_excepted(monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str, expected: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.com:1")
    monkeypatch.setenv("HTTP_PROXY", "http://plain.example.com:2")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_of(httpx.URL(url)) == expected


@pytest.fixture
async def tunnelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Server, list[str]]]:
    """A proxy that leads every tunnel to the server, and what it was asked; named in the environment."""
    authority, asked = Authority(tmp_path), list[str]()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.signed("api", name_of_host="api.example.com"))
    async with serving(tls=tls) as server:

        async def tunnel(peer: Peer) -> None:
            asked.append((await peer.reader.readuntil(b"\r\n\r\n")).decode())
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            await peer.write(b"HTTP/1.1 200 Established\r\nX-Rokt-Trace-Id: of-the-proxy\r\n\r\n")
            await asyncio.gather(_copy(peer.reader, writer), _copy(reader, peer.writer))

        async with serving(tunnel) as proxy:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with certificates.read_anew():
                yield server, asked


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()
