"""The requests that a peer's user would write: the same bodies to the same paths, up to the same caps."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

CAPS = {"W1": 100, "W2": 25}


class Ready(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


def requests_of(workload: str, events: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Ready]:
    """`events`: account and event."""
    groups: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for account, event in events:
        groups[account, event.get("sessionId", "")].append(event)
    cap = CAPS[workload]
    for (account, _), group in groups.items():
        for start in range(0, len(group), cap):
            yield _ready(workload, account, group[start : start + cap])


def _ready(workload: str, account: str, events: list[dict[str, Any]]) -> Ready:
    if workload == "W2":
        headers = {"rokt-tag-id": account, "rokt-pub-id": f"client-{account}", "rokt-secret": f"secret-{account}"}
        return Ready("/v1/partner/events", _typed(headers), _json({"events": events}))
    pair = b64encode(f"rpub-sandbox-{account}:rsec-sandbox-{account}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Rokt-Version": "2020-05-21"}
    return Ready("/v2/events", _typed(headers), _json({"accountId": account, "events": events}))


def _typed(headers: dict[str, str]) -> dict[str, str]:
    return {"Content-Type": "application/json", "Accept": "application/json", **headers}


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
