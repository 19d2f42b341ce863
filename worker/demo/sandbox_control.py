"""Asks the sandbox what it received, and tells it what to refuse. Over HTTP, as a test would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx


class SandboxControl:
    """The questions and settings under `/_sandbox/` of a running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def refuse(self, event: Mapping[str, str], code: str, message: str) -> None:
        """From now on events with these fields go to `unprocessedRecords`."""
        rule = {"match": {"event": dict(event)}, "refuse": True, "code": code, "message": message}
        self._put([rule])

    def accept_everything(self) -> None:
        self._put([])

    def requests(self) -> int:
        """How many requests came."""
        return int(self._get("summary")["requests"]["total"])

    def events(self) -> dict[str, int]:
        """`accepted`, `distinct` and `duplicates`."""
        counts: dict[str, int] = self._get("summary")["events"]
        return counts

    def _get(self, path: str) -> Any:
        return self._client.get(f"/_sandbox/{path}").raise_for_status().json()

    def _put(self, rules: list[dict[str, Any]]) -> None:
        self._client.put("/_sandbox/faults", json=rules).raise_for_status()
