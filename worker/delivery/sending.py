"""One request of a batch: credentials, token, idempotency key, the POST, and what its answer means."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from producers.destinations import Destination, Whole
from producers.destinations.accounts import AccountCredentials
from producers.destinations.answers import Answer, NoAnswer, Request
from producers.destinations.outcomes import Delivered, Limited, Outcome, Reason, Retry, Unauthorized, not_taken
from worker.access.credentials import Credentials, print_of
from worker.access.oauth import TokenFailed
from worker.access.tokens import Tokens
from worker.buffer.batches import Batch
from worker.http import Transport

IDEMPOTENCY_HEADER = "Idempotency-Key"
_SEEN_BEFORE = 409
_KNOWN = 1_024  # credentials of which it is known what they lack


class Target(NamedTuple):
    """Where one destination's events go, and with whose credentials and tokens."""

    to: Destination
    host: str
    credentials: Credentials
    tokens: Tokens


class Back(NamedTuple):
    """The batch goes back as it was, to be claimed again. `renewed`: as a new batch, with a new key."""

    renewed: bool = False


class Sent(NamedTuple):
    """How a request ended. `status` 0: no answer came. `credentials`: a print of those that were used."""

    outcome: Outcome | Back
    status: int = 0
    trace_id: str = ""
    requests: int = 0
    credentials: str = ""


class Sender:
    """Sends the requests of one destination."""

    def __init__(self, target: Target, transport: Transport, timeout_s: float, *, idempotency_keys: bool) -> None:
        self._target = target
        self._transport = transport
        self._timeout_s = timeout_s
        self._keys = idempotency_keys and target.to.takes_idempotency_keys
        self._missing = lru_cache(_KNOWN)(target.to.missing)
        self._client_of = lru_cache(_KNOWN)(target.to.client_of)

    async def send(self, batch: Batch, payloads: Sequence[bytes], deadline: float) -> Sent:
        """One request for these events of the batch. Never raises for what the network or the API does.

        It starts before `deadline` (monotonic seconds), however long a token took, or the batch goes back.
        """
        credentials = self._target.credentials.of(batch.account)
        lacking = self._missing(credentials) if credentials else ["the account itself"]
        if credentials is None or lacking:
            reason = Reason("CredentialsMissing", f"the credentials file lacks {', '.join(lacking)} for this account")
            return Sent(Unauthorized((reason,)), credentials=print_of(credentials))
        client = self._client_of(credentials)
        if client:
            sent = await self._with_token(batch, payloads, credentials, client, deadline)
        else:
            sent = await self._post(batch, payloads, credentials, "")
        return sent._replace(credentials=print_of(credentials)) if isinstance(sent.outcome, Unauthorized) else sent

    async def _with_token(
        self,
        batch: Batch,
        payloads: Sequence[bytes],
        credentials: AccountCredentials,
        client: tuple[str, str],
        deadline: float,
    ) -> Sent:
        try:
            token, fresh = await self._target.tokens.token(*client)
        except TokenFailed as error:
            return Sent(_without_a_token(error), error.status)
        if time.monotonic() > deadline:
            return Sent(Back())
        sent = await self._post(batch, payloads, credentials, token)
        return await self._without_token(client, token, sent, fresh=fresh) if sent.status == 401 else sent

    async def _without_token(self, client: tuple[str, str], token: str, sent: Sent, *, fresh: bool) -> Sent:
        """A refused token serves nobody any more. If it was an old one, a new one may do: at the next claim."""
        await self._target.tokens.refused(*client, token)
        return sent if fresh else sent._replace(outcome=Back())

    async def _post(self, batch: Batch, payloads: Sequence[bytes], credentials: AccountCredentials, token: str) -> Sent:
        of = Whole(batch.account, batch.order, batch.kind, token)
        request = self._target.to.request(self._target.host, of, payloads, credentials)
        if self._keys:
            request = _with_key(request, batch)
        answer = await self._transport.post(request, self._timeout_s)
        if isinstance(answer, NoAnswer):
            return Sent(not_taken(answer), requests=1)
        return Sent(self._meaning(answer, batch, payloads), answer.status, answer.trace_id, 1)

    def _meaning(self, answer: Answer, batch: Batch, payloads: Sequence[bytes]) -> Outcome | Back:
        if answer.status == _SEEN_BEFORE and self._keys:
            return Delivered() if batch.attempts > 1 or batch.sent else Back(renewed=True)
        return self._target.to.outcome(answer, payloads)


def _without_a_token(error: TokenFailed) -> Outcome:
    if error.refused:
        return Unauthorized((Reason("TokenRefused", str(error)),))
    reasons = (Reason("TokenFailed", str(error)),)
    return Limited(reasons) if error.status == 429 else Retry(reasons)


def _with_key(request: Request, batch: Batch) -> Request:
    """The same key for the same bytes of the same batch, at every attempt."""
    digest = sha256(batch.id.encode() + b"\0" + request.body).digest()[:16]
    key = str(uuid.UUID(bytes=digest, version=4))
    return request._replace(headers={**request.headers, IDEMPOTENCY_HEADER: key})
