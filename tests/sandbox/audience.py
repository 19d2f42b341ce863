"""Requests to the Custom Audience Import API as its document describes them, made by hand."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx

from .conftest import Client
from .samples import ACCOUNT, authorization, encode

PATH = "/v3/import/suppression"
LEGACY = "/api/1.0/import/suppression"
HEADERS = {"Content-Type": "application/json", "Authorization": authorization()}
API_KEY = "api-key-1"
LEGACY_HEADERS = {"Content-Type": "application/json", "Authorization": API_KEY}

HASH = "1753bdb368271a785887ddbfb926164f2f7c6a88f609c07ff0401c5572955206"
DEFAULT_LIST = "AdvertiserDatabase"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def import_of(*emails: Any, **fields: Any) -> dict[str, Any]:
    """Include these addresses; `fields` replace or add, `...` takes away."""
    body = {"accountId": ACCOUNT, "emails": list(emails) or ["alice@example.com"], "action": "include"} | fields
    return {name: value for name, value in body.items() if value is not ...}


def post(sandbox: Client, body: Any, path: str = PATH, **changes: str | None) -> httpx.Response:
    """POST any body, as JSON if it is not bytes; `changes` are headers with `_` for `-`, None takes one away."""
    named = {name.replace("_", "-").title(): value for name, value in changes.items()}
    headers = (HEADERS if path == PATH else LEGACY_HEADERS) | named
    content = body if isinstance(body, bytes) else encode(body)
    kept = {name: value for name, value in headers.items() if value is not None}
    return sandbox.http.post(path, content=content, headers=kept)


def members(sandbox: Client, name: str = DEFAULT_LIST, account: str = ACCOUNT) -> list[str]:
    """The members of a list."""
    lists = sandbox.ask("audience", account=account, list=name, members="true")["lists"]
    found: list[str] = lists.get(account, {}).get(name, {}).get("addresses", [])
    return found
