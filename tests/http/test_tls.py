"""Who answers over TLS is who was asked, by an authority that is trusted; a session is used again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from producers.destinations.answers import Request
from tests.http.conftest import Make
from tests.http.server import Peer, serving
from tests.http.words import eventually, said
from tests.redis.certificates import Authority, trust_folder
from tests.support import certificates


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted, as the machine says to every HTTP client."""
    ours = Authority(tmp_path, "trusted")
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.ca))
    return ours


@pytest.fixture(autouse=True)
def _reads_the_machines_word() -> Iterator[None]:
    with certificates.read_anew():
        yield


def context(of: Authority, name: str = "server", **changes: object) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*of.signed(name, **changes))  # type: ignore[arg-type]
    return made


async def test_an_authority_that_is_named_is_trusted(make: Make, authority: Authority) -> None:
    async with serving(tls=context(authority)) as server:
        http = make(2)
        for _ in range(3):
            assert said(await http.post(server.request(), 5)) == 200
        assert server.connections == 1
        assert _of(server.peers[0]).selected_alpn_protocol() in (None, "http/1.1")


async def test_a_folder_of_authorities_is_trusted_too(
    make: Make, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust_folder(authority, monkeypatch)
    async with serving(tls=context(authority)) as server:
        assert said(await make(1).post(server.request(), 5)) == 200


async def test_without_a_word_of_the_machine_ours_is_trusted_by_nobody(
    make: Make, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    await refused(make, context(authority))


@pytest.mark.usefixtures("authority")
async def test_another_authority_is_refused(make: Make, tmp_path: Path) -> None:
    await refused(make, context(Authority(tmp_path, "another")))


async def test_a_certificate_of_another_host_is_refused(make: Make, authority: Authority) -> None:
    await refused(make, context(authority, address="127.0.0.2"))


async def test_a_certificate_that_has_expired_is_refused(make: Make, authority: Authority) -> None:
    await refused(make, context(authority, ended=timedelta(hours=1)))


@pytest.mark.usefixtures("authority")
async def test_a_certificate_that_signed_itself_is_refused(make: Make, tmp_path: Path) -> None:
    itself = Authority(tmp_path, "itself")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*itself.own())
    await refused(make, made)


async def test_an_old_version_of_tls_is_refused(make: Make, authority: Authority) -> None:
    old = context(authority)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    await refused(make, old)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_session_is_used_again(make: Make, kind: str, authority: Authority, version: ssl.TLSVersion) -> None:
    """A handshake anew is dear to both sides. httpx's own transport cannot do it."""
    if kind == "httpx":
        pytest.skip("Python's ssl leaves it to its user, and httpx does not")
    resumed: list[bool | None] = []

    async def once(peer: Peer) -> None:
        resumed.append(_of(peer).session_reused)
        await peer.answer((await peer.request()).body, fields="Connection: close\r\n")

    tls = context(authority)
    tls.maximum_version = version
    async with serving(once, tls) as server:
        http = make(1)
        for _ in range(4):
            assert said(await http.post(server.request(), 5)) == 200
        assert resumed == [False, True, True, True]


async def test_many_at_once_over_tls(make: Make, authority: Authority) -> None:
    async with serving(tls=context(authority)) as server:
        http = make(16)
        for _ in range(2):
            answers = await asyncio.gather(*(http.post(server.request(b"x" * 50_000), 20) for _ in range(64)))
            assert [said(answer) for answer in answers] == [200] * 64
        assert server.most_open <= 16


async def test_an_idle_connection_that_was_closed_by_a_word_of_tls_is_not_used_any_more(
    make: Make, authority: Authority
) -> None:
    idle = asyncio.Semaphore(0)

    async def once(peer: Peer) -> None:
        await peer.answer((await peer.request()).body)
        await idle.acquire()

    async with serving(once, context(authority)) as server:
        http = make(1)
        for number in range(1, 4):
            assert said(await http.post(server.request(), 5)) == 200
            assert server.connections == number
            idle.release()
            await eventually(lambda: server.open == 0)
            await asyncio.sleep(0.05)  # for the kernel: nobody is told when its end is there


async def test_tls_is_not_spoken_to_who_does_not(make: Make) -> None:
    async def plain(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.answer()

    async with serving(plain) as server:
        request = Request(server.url.replace("http:", "https:"), {}, b"")
        assert said(await make(1).post(request, 5)) == "ConnectionFailed"


async def refused(make: Make, tls: ssl.SSLContext) -> None:
    """And nothing is sent."""
    async with serving(tls=tls) as server:
        assert said(await make(1).post(server.request(), 5)) == "ConnectionFailed"
        assert server.heard == []


def _of(peer: Peer) -> ssl.SSLObject:
    found = peer.writer.get_extra_info("ssl_object")
    assert isinstance(found, ssl.SSLObject)
    return found
