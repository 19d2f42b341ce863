"""Access tokens, shared by the whole fleet: fetched by one worker, used by all, kept encrypted in Redis.

Source: event-api.txt, "Legacy Authentication (v1)": a token serves for `expires_in` seconds.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, Protocol

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from redis.asyncio import Redis

from producers.destinations.answers import NoAnswer, Request
from producers.errors import ConfigurationError
from worker.access.oauth import Token, TokenFailed, read_token, token_request
from worker.effects import effect
from worker.http import Transport

REFRESH_AT = 0.9  # of a token's life
LOCK_S = 15
LOOK_S = 0.05
FAILURE_S = 1  # for how long a failure is told to the others instead of asking again


class Tokens(Protocol):
    """Where a token is asked for."""

    async def token(self, app_id: str, app_secret: str) -> tuple[str, bool]: ...

    async def refused(self, app_id: str, app_secret: str, token: str) -> None: ...


class _Kept(msgspec.Struct, frozen=True):
    token: str
    refresh_at: float
    ends_at: float


class FleetTokens:
    """Tokens in Redis, under a key made from the app's secret: who does not know it cannot read them."""

    def __init__(self, redis: Redis, prefix: str, transport: Transport, auth_host: str, timeout_s: float) -> None:
        self._redis: Any = redis
        self._prefix = prefix
        self._transport = transport
        self._auth_host = auth_host
        self._timeout_s = timeout_s

    async def token(self, app_id: str, app_secret: str) -> tuple[str, bool]:
        """A token, and whether it was fetched for this call. Raises `TokenFailed`.

        One worker fetches while the others wait, or go on with the old one as long as it serves.
        """
        place, box = self._place(app_id), _box(app_secret)
        ends = time.monotonic() + LOCK_S
        while time.monotonic() < ends:
            kept, failure = await self._kept(place, box)
            if kept and time.time() < kept.refresh_at:
                return kept.token, False
            if await self._locked(place):
                kept, _ = await self._kept(place, box)  # another worker may have fetched one since we looked
                if kept and time.time() < kept.refresh_at:
                    await self._unlock(place)
                    return kept.token, False
                return await self._fetched(place, box, app_id, app_secret), True
            if kept and time.time() < kept.ends_at:
                return kept.token, False
            if failure:
                raise TokenFailed(int(failure), f"another worker was refused a token: status {int(failure)}")
            await asyncio.sleep(LOOK_S)
        raise TokenFailed(0, "no worker of the fleet got a token in time")

    async def refused(self, app_id: str, app_secret: str, token: str) -> None:
        """Forgets a token that an API refused, unless a newer one took its place."""
        place = self._place(app_id)
        kept, _ = await self._kept(place, _box(app_secret))
        if kept and secrets.compare_digest(kept.token, token):
            with effect("token forget"):
                await self._redis.delete(place)

    async def _kept(self, place: str, box: Fernet) -> tuple[_Kept | None, bytes | None]:
        sealed, failure = await self._redis.mget(place, f"{place}:failed")
        try:
            return (msgspec.json.decode(box.decrypt(sealed), type=_Kept) if sealed else None), failure
        except (InvalidToken, msgspec.MsgspecError):
            return None, failure  # of an older secret

    async def _fetched(self, place: str, box: Fernet, app_id: str, app_secret: str) -> str:
        """Asks, and keeps what comes for all. The lock is freed last: who gets it next finds the token."""
        try:
            token = await self._asked(app_id, app_secret)
            await self._keep(place, box, token)
            return token.access_token
        except TokenFailed as error:
            with effect("token failure"):
                await self._redis.set(f"{place}:failed", error.status, ex=FAILURE_S)
            raise
        finally:
            await self._unlock(place)

    async def _locked(self, place: str) -> bool:
        with effect("token lock"):
            return bool(await self._redis.set(f"{place}:lock", 1, nx=True, ex=LOCK_S))

    async def _unlock(self, place: str) -> None:
        with effect("token unlock"):
            await self._redis.delete(f"{place}:lock")

    async def _asked(self, app_id: str, app_secret: str) -> Token:
        request = _token_request(self._auth_host, app_id, app_secret)
        with effect("token request"):
            answer = await self._transport.post(request, self._timeout_s)
        if isinstance(answer, NoAnswer):
            raise TokenFailed(0, f"the token endpoint gave no answer: {answer.message}")
        return read_token(answer)

    async def _keep(self, place: str, box: Fernet, token: Token) -> None:
        now = time.time()
        kept = _Kept(token.access_token, now + token.expires_in * REFRESH_AT, now + token.expires_in)
        sealed = box.encrypt(msgspec.json.encode(kept))
        with effect("token keep"):
            await self._redis.set(place, sealed, px=max(1, round(token.expires_in * 1000)))
        with effect("token failure over"):
            await self._redis.delete(f"{place}:failed")

    def _place(self, app_id: str) -> str:
        return f"{self._prefix}:oauth:{{{sha256(app_id.encode()).hexdigest()[:32]}}}"


def _token_request(auth_host: str, app_id: str, app_secret: str) -> Request:
    try:
        return token_request(auth_host, app_id, app_secret)
    except ConfigurationError as error:
        raise TokenFailed(400, str(error)) from None


def _box(app_secret: str) -> Fernet:
    return Fernet(urlsafe_b64encode(sha256(b"forwarder token\0" + app_secret.encode()).digest()))
