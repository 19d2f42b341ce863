"""libcurl's errors in httpx's words."""

from __future__ import annotations

import httpx
import pycurl

from worker.http.limits import AnswerTooLarge

_CONNECTING = (
    *(pycurl.E_COULDNT_RESOLVE_PROXY, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_CONNECT),
    *(pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SSL_CACERT, pycurl.E_SSL_CACERT_BADFILE),
)
_MEANINGS: dict[int, type[httpx.TransportError]] = {
    **dict.fromkeys(_CONNECTING, httpx.ConnectError),
    pycurl.E_OPERATION_TIMEDOUT: httpx.ReadTimeout,
    pycurl.E_FILESIZE_EXCEEDED: AnswerTooLarge,
    pycurl.E_SEND_ERROR: httpx.WriteError,
    pycurl.E_RECV_ERROR: httpx.ReadError,
    pycurl.E_URL_MALFORMAT: httpx.UnsupportedProtocol,
}


def meaning_of(code: int) -> httpx.TransportError:
    """What is not named here broke the connection."""
    return _MEANINGS.get(code, httpx.RemoteProtocolError)(f"libcurl's error {code}")
