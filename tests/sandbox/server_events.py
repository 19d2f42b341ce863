"""Requests to the Server Events API as its document describes them, made by hand."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx

from .conftest import Client
from .samples import encode, utc_text

PATH = "/v1/partner/events"
TAG = "1234567890"
HEADERS = {
    "rokt-pub-id": "client-1",
    "rokt-secret": "client-secret-1",
    "rokt-tag-id": TAG,
    "content-type": "application/json",
    "accept": "application/json",
}
KEYS = {"tag_id": TAG, "client_id": "client-1", "client_secret": "client-secret-1"}
DEFAULT_TIME = "0001-01-01T00:00:00+00:00"


def signal(client_unique_id: str = "c-1", /, **fields: Any) -> dict[str, Any]:
    """A small event of now and of session `s-1`; `fields` replace or add, `...` takes away."""
    event = {
        "eventType": "SignalImpression",
        "eventTime": utc_text(datetime.now(UTC)),
        "parentGuid": "58bcbaa0-e13c-4a3d-84cd-2803ccc35394",
        "sessionId": "s-1",
        "clientUniqueId": client_unique_id,
        "metadata": [{"name": "AdditionalData", "value": "ImpressionSlot"}],
    } | fields
    return {name: value for name, value in event.items() if value is not ...}


def post(sandbox: Client, body: Any, **changes: str | None) -> httpx.Response:
    """POST any body, as JSON if it is not bytes; `changes` are headers with `_` for `-`, None takes one away."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    headers = {name: value for name, value in (HEADERS | named).items() if value is not None}
    request = httpx.Request(
        "POST",
        sandbox.url + PATH,
        content=body if isinstance(body, bytes) else encode(body),
        headers=[("host", "sandbox"), *headers.items()],
    )
    return sandbox.http.send(request)


def send(sandbox: Client, *events: Any, **changes: str | None) -> httpx.Response:
    return post(sandbox, {"events": list(events)}, **changes)


def event_id(event: Any) -> str:
    """As `server_events_api.event_ids` describes it."""
    text = json.dumps(event, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the error code; the body is as in the document's samples of a 4xx."""
    body = answer.json()
    assert set(body) == {"title", "status", "success", "errors"}
    (error,) = body["errors"]
    assert set(error) == {"code", "message"}
    assert (body["status"], body["success"]) == (answer.status_code, False)
    return answer.status_code, error["code"]


def codes(answer: httpx.Response) -> list[list[str]]:
    """The error codes of each unprocessed event."""
    assert answer.status_code == 207, answer.text
    assert answer.json()["success"] is False
    return [[error["code"] for error in item["errors"]] for item in answer.json()["unprocessedEvents"]]


def echoes(answer: httpx.Response) -> list[Any]:
    return [item["event"] for item in answer.json()["unprocessedEvents"]]
