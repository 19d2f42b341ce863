"""Asks with a token, and fetches one where it must. All that is told to the transport goes through here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from producers.destinations.answers import Answer, NoAnswer, Request
from worker.access.oauth import TokenFailed, read_token, token_request
from worker.http import Transport
from worker.query.access import Access, AppPair
from worker.query.errors import NotAuthenticated, UnexpectedAnswer
from worker.query.failures import Asked, failure, no_answer

TIMEOUT_S = 60.0
_TOKEN = Asked("the access token", "the token endpoint was not found")


def utc_now() -> datetime:
    """The moment against which a `Retry-After` date is read."""
    return datetime.now(UTC)


class Session:
    """One user's access. `timeout_s`: seconds, for each whole request, connecting included."""

    def __init__(
        self,
        transport: Transport,
        auth_host: str,
        access: Access,
        timeout_s: float = TIMEOUT_S,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._transport = transport
        self._auth_host = auth_host
        self._access = access
        self._timeout_s = timeout_s
        self._now = now
        self._fetched = ""
        self._fetching = asyncio.Lock()

    async def ask(self, method: str, url: str, asked: Asked, body: bytes = b"") -> Answer:
        """The answer, if it is 200. Raises a `QueryFailed`. A 401 for a token that was fetched here renews it once."""
        token = await self._token()
        answer = await self._send(method, url, asked, body, token)
        if answer.status == 401 and isinstance(self._access, AppPair):
            token = await self._token(refused=token)
            answer = await self._send(method, url, asked, body, token)
        if answer.status != 200:
            raise failure(answer, asked, self._now(), (token, *self._access.secrets))
        return answer

    async def _send(self, method: str, url: str, asked: Asked, body: bytes, token: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
        answer = await self._transport.post(Request(url, headers, body, method), self._timeout_s)
        if isinstance(answer, NoAnswer):
            raise no_answer(answer, asked)
        return answer

    async def _token(self, refused: str = "") -> str:
        """The token in use; another one if it is the one that was refused. Callers at the same time share a fetch."""
        if not isinstance(self._access, AppPair):
            return self._access.token
        async with self._fetching:
            if self._fetched in ("", refused):
                self._fetched = await self._fetch(self._access)
            return self._fetched

    async def _fetch(self, pair: AppPair) -> str:
        request = token_request(self._auth_host, pair.app_id, pair.app_secret)
        answer = await self._transport.post(request, self._timeout_s)
        if isinstance(answer, NoAnswer):
            raise no_answer(answer, _TOKEN)
        try:
            return read_token(answer).access_token
        except TokenFailed as error:
            if error.refused:
                raise NotAuthenticated(str(error), status=error.status, trace_id=answer.trace_id) from None
            if error.status == 200:
                raise UnexpectedAnswer(str(error), status=200, trace_id=answer.trace_id) from None
        raise failure(answer, _TOKEN, self._now(), pair.secrets)
