"""Proxies are those of the environment, as every HTTP client on the machine has them; never for this machine itself."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from producers.destinations.answers import Request
from tests.http.conftest import Make
from tests.http.server import Behaviour, Peer, Server, serving
from tests.http.words import body_of, said
from tests.redis.certificates import Authority, trust_folder
from tests.support import certificates
from worker.http import Kind
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


@pytest.mark.parametrize("host", ["http://api.example.com", "https://api.example.com"])
@pytest.mark.parametrize("named", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_a_proxy_may_be_spoken_to_over_tls(
    make: Make, authority: Authority, monkeypatch: pytest.MonkeyPatch, host: str, named: str
) -> None:
    """By the authorities that hosts are trusted by. A tunnel through it is kept."""
    if named == "SSL_CERT_DIR":
        trust_folder(authority, monkeypatch)
    async with serving(tls=server_of(authority)) as server, serving(leads_to(server), server_of(authority)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        if host.startswith("http:"):
            proxy.behaviour = forwards
        http = make(1)
        for _ in range(3):
            assert said(await http.post(Request(f"{host}/v2/events", {}, b"{}"), 5)) == 200
        assert proxy.connections == 1 or host.startswith("http:")  # libcurl opens one for each that is no tunnel


async def test_a_proxy_that_nobody_trusts_hears_nothing(
    make: Make, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert authority
    async with serving(forwards, server_of(Authority(tmp_path, "another"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert said(await make(1).post(Request("http://api.example.com/", {}, b"{}"), 5)) == "ConnectionFailed"
        assert proxy.heard == []


async def test_a_password_of_a_proxy_may_hold_any_letter(
    make: Make, proxy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://us\u00e9r:p\u00e4%40ss@127.0.0.1:{proxy.port}")
    assert said(await make(1).post(Request("http://api.example.com/", {}, b"{}"), 5)) == 200
    told = base64.b64encode("us\u00e9r:p\u00e4@ss".encode()).decode()
    assert proxy.heard[0].fields["proxy-authorization"] == f"Basic {told}"


UNUSABLE = [
    "http://",
    "http://127.0.0.1:0",
    "http://[::1",
    "127.0.0.1:1:2",
    "http://u:secret@127.0.0.1:99999",
    "foo://u:secret@127.0.0.1:1",
]


@pytest.mark.parametrize("proxy", [*UNUSABLE, "http://x\x01y", "http://\udcff:1"])
async def test_what_is_no_proxy_is_a_word_and_no_exception(
    make: Make, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    http = make(1)
    for _ in range(2):
        answer = await http.post(Request("http://api.example.com/", {}, b"{}"), 5)
        assert said(answer) == "ProxyUnusable"
        assert "secret" not in str(answer)


async def test_a_proxy_of_socks_is_asked_or_refused(make: Make, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx cannot without a package of its own; nobody listens here."""
    async with serving() as server:
        monkeypatch.setenv("HTTP_PROXY", f"socks5://127.0.0.1:{server.port}")
    expected = "ConnectionFailed" if kind == "curl" else "ProxyUnusable"
    assert said(await make(1).post(Request("http://api.example.com/", {}, b"{}"), 5)) == expected


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


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("proxy.example.com", "http://proxy.example.com:80"),
        ("http://proxy.example.com:80/", "http://proxy.example.com:80"),
        ("https://u:p%40@proxy.example.com", "https://u:p%40@proxy.example.com:443"),
        ("http://u@[2001:db8::1]:3128", "http://u@[2001:db8::1]:3128"),
        ("http://[2001:db8::1]", "http://[2001:db8::1]:80"),
        ("socks5h://proxy.example.com", "socks5h://proxy.example.com:1080"),
    ],
)
def test_a_proxy_has_the_port_of_its_kind(monkeypatch: pytest.MonkeyPatch, named: str, expected: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", named)
    assert proxy_of(httpx.URL("http://api.example.com")) == expected


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """Trusted, as the machine says to every HTTP client."""
    ours = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.ca))
    with certificates.read_anew():
        yield ours


@pytest.fixture
async def tunnelled(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Server, list[str]]]:
    """A proxy that leads every tunnel to the server, and what it was asked; named in the environment."""
    asked = list[str]()
    async with serving(tls=server_of(authority)) as server, serving(leads_to(server, asked)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        yield server, asked


def server_of(authority: Authority) -> ssl.SSLContext:
    """Of the host and of the proxy before it."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*authority.signed("api", name_of_host="api.example.com"))
    return made


def leads_to(server: Server, asked: list[str] | None = None) -> Behaviour:
    """Every tunnel, wherever it was to lead."""

    async def tunnel(peer: Peer) -> None:
        told = (await peer.reader.readuntil(b"\r\n\r\n")).decode()
        if asked is not None:
            asked.append(told)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await peer.write(b"HTTP/1.1 200 Established\r\nX-Rokt-Trace-Id: of-the-proxy\r\n\r\n")
        await asyncio.gather(_copy(peer.reader, writer), _copy(reader, peer.writer))

    return tunnel


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()
