"""One row a destination: what the contract tests need to know of it, by its document."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from producers.destinations.accounts import AccountCredentials
from tests.unit.samples import event as booking

HASH = "1753bdb368271a785887ddbfb926164f2f7c6a88f609c07ff0401c5572955206"  # of hello@example.com, by the document
TIME = "2026-11-22T09:59:00.000Z"
PAIR = {"public_key": "rpub-s3cret", "secret_key": "rsec-s3cret"}
APP = {"app_id": "app-s3cret", "app_secret": "appsec-s3cret"}
TAG = {"tag_id": "tag-s3cret", "client_id": "client-s3cret", "client_secret": "clientsec-s3cret"}
LEGACY = {"audience_api_key": "key-s3cret"}


class Case(NamedTuple):
    """`event`: a good one, as it comes back. `bad`: with the faults of `fields`. `kinds`: sufficient credentials.

    `lacking`: what an account without any is told. `success(n)`: the answer to n events.
    `refusal`: 400 and what it means. `paths`: of each kind of `kinds`.
    """

    event: dict[str, Any]
    bad: dict[str, Any]
    fields: set[str]
    hosts: dict[str, str]
    caps: tuple[int, int]
    kinds: tuple[dict[str, str], ...]
    lacking: list[str]
    paths: tuple[str, ...]
    success: Callable[[int], tuple[int, bytes]]
    refusal: tuple[bytes, str, str]
    order: str = ""
    kind: str = ""

    def credentials(self, which: int = 0) -> AccountCredentials:
        return AccountCredentials(**self.kinds[which])


def signal(**fields: Any) -> dict[str, Any]:
    whole = {
        "eventType": "SignalImpression",
        "eventTime": TIME,
        "sessionId": "aec20024-8d23-46be-95f3-9be5d86292a9",
        "parentGuid": "58bcbaa0-e13c-4a3d-84cd-2803ccc35394",
        "clientUniqueId": "10f7d87b-e879-47b2-9638-a667e63beae2",
        "metadata": [{"name": "AdditionalData", "value": "ImpressionSlot"}],
    }
    return whole | fields


def _processed(events: int) -> tuple[int, bytes]:
    return 200, b'{"processedEventsCount":%d,"unprocessedEvents":[],"success":true}' % events


def _refusal(code: str, message: str) -> bytes:
    return json.dumps({"success": False, "errors": [{"code": code, "message": message}]}).encode()


CASES = {
    "event-api": Case(
        event=booking(),
        bad=booking(clientEventId="i" * 37, eventType=5, eventTime="yesterday", metaData={}, nmae="x"),
        fields={"event.clientEventId", "event.eventType", "event.eventTime", "event.metaData", "event.nmae"},
        hosts={"production": "https://api.rokt.com"},
        caps=(100, 1_000_000),
        kinds=(PAIR, APP),
        lacking=["public_key", "secret_key"],
        paths=("/v2/events", "/v1/events"),
        success=lambda _: (200, b'{"data":{"unprocessedRecords":[]}}'),
        refusal=(
            b'{"data":{"code":"RequestValidationError","message":"no"}}',
            "RequestValidationError",
            "no",
        ),
    ),
    "server-events": Case(
        event=signal(),
        bad=signal(eventType="Click", eventTime="2026-11-19T09:59:59.999Z", sessionId="", parentGuid=1, metadata=[{}]),
        fields={
            "event.eventType",
            "event.eventTime",
            "event.sessionId",
            "event.parentGuid",
            "event.metadata[0].name",
            "event.metadata[0].value",
        },
        hosts={"production": "https://server-api.rokt.com", "testing": "https://server-api-demo.rokt.com"},
        caps=(25, 1_000_000),
        kinds=(TAG,),
        lacking=["tag_id", "client_id", "client_secret"],
        paths=("/v1/partner/events",),
        success=_processed,
        refusal=(_refusal("InvalidRequestPayload", "no"), "InvalidRequestPayload", "no"),
        order="aec20024-8d23-46be-95f3-9be5d86292a9",
    ),
    "audience": Case(
        event={"email": "alice@example.com", "action": "include", "list": "US_Customers"},
        bad={"email": "not an address", "sha256": "alice@example.com", "action": "add", "list": ""},
        fields={"event", "event.email", "event.sha256", "event.action", "event.list"},
        hosts={"production": "https://data.rokt.com"},
        caps=(100_000, 8_000_000),
        kinds=(PAIR, LEGACY),
        lacking=["public_key", "secret_key"],
        paths=("/v3/import/suppression", "/api/1.0/import/suppression"),
        success=lambda _: (201, b"Created"),
        refusal=(b"Bad Request", "BadRequest", "Bad Request"),
        order="US_Customers",
        kind="include plain",
    ),
}
