"""Tokens, asked for as the document's sample does."""

from __future__ import annotations

import httpx

from .conftest import Client
from .samples import HEADERS, authorization, encode, event, payload

PATH = "/auth/oauth2/token"
APP_ID = "40svbin0d194subpohl079rhck"
APP_SECRET = "1dimhvr1v6skae9uhvtgs3chs2astnjf0469df6ul9hurubtoovn"
APP = {"app_id": APP_ID, "app_secret": APP_SECRET}
FORM = {"Authorization": authorization(APP_ID, APP_SECRET), "Content-Type": "application/x-www-form-urlencoded"}
V1 = "/v1/events"


def ask_for_token(
    sandbox: Client, body: bytes | str = "grant_type=client_credentials", **changes: str
) -> httpx.Response:
    """`changes` are headers with `_` for `-`."""
    named = {name.replace("_", "-").title(): value for name, value in changes.items()}
    return sandbox.http.post(PATH, content=body, headers=FORM | named)


def token(sandbox: Client) -> str:
    text: str = ask_for_token(sandbox).json()["access_token"]
    return text


def bearer(text: str) -> dict[str, str]:
    return HEADERS | {"Authorization": f"Bearer {text}"}


def send_v1(sandbox: Client, access_token: str, *ids: str, account: str = "12345") -> httpx.Response:
    body = encode(payload(*map(event, ids), account=account))
    return sandbox.http.post(V1, content=body, headers=bearer(access_token))
