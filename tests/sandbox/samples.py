"""Requests to the Event API as its document describes them, made by hand: no code of the project builds them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

PATH = "/v2/events"
ACCOUNT = "12345"
PUBLIC_KEY = "rpub-sample-1"
SECRET_KEY = "rsec-sample-1"


def authorization(public_key: str = PUBLIC_KEY, secret_key: str = SECRET_KEY) -> str:
    return "Basic " + base64.b64encode(f"{public_key}:{secret_key}".encode()).decode()


HEADERS = {
    "Content-Type": "application/json",
    "Charset": "utf-8",
    "Rokt-Version": "2020-05-21",
    "Authorization": authorization(),
}


def utc_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def event(event_id: str = "e-1", /, **fields: Any) -> dict[str, Any]:
    """A small event of now; `fields` replace or add."""
    return {
        "clientEventId": event_id,
        "eventType": "booking",
        "eventTime": utc_text(datetime.now(UTC)),
        "objectData": [{"name": "email", "value": "jane@example.com"}],
    } | fields


def payload(*events: Any, account: Any = ACCOUNT) -> dict[str, Any]:
    return {"accountId": account, "events": list(events)}


def encode(value: object) -> bytes:
    return json.dumps(value).encode()
