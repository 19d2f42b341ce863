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

    def requests(self, api: str) -> int:
        """How many requests of an API came."""
        return int(self._get("summary", api=api)["requests"]["total"])

    def events(self, api: str) -> dict[str, int]:
        """`accepted`, `distinct` and `duplicates`."""
        counts: dict[str, int] = self._get("summary", api=api)["events"]
        return counts

    def members(self, account: str) -> dict[str, int]:
        """How many addresses each list of an account has."""
        lists = self._get("audience", account=account)["lists"].get(account, {})
        return {name: found["members"] for name, found in lists.items()}

    def _get(self, path: str, **asked: str) -> Any:
        return self._client.get(f"/_sandbox/{path}", params=asked).raise_for_status().json()

    def _put(self, rules: list[dict[str, Any]]) -> None:
        self._client.put("/_sandbox/faults", json=rules).raise_for_status()
