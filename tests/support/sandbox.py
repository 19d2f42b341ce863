"""The questions and settings of a running sandbox, for tests."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import httpx


class Sandbox:
    """Talks to `/_sandbox/` of the sandbox at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=90)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def faults(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Replaces all fault rules."""
        self._client.put("/_sandbox/faults", params={"seed": seed}, json=list(rules)).raise_for_status()

    def fired(self) -> list[int]:
        """How often each rule in force has fired, in their order."""
        fired: list[int] = self._get("faults")["fired"]
        return fired

    def credentials(self, table: dict[str, dict[str, str]] | None) -> None:
        """From now on only these key pairs are taken; None: any."""
        text = json.dumps(table)  # httpx would send nothing for None
        self._client.put("/_sandbox/credentials", content=text).raise_for_status()

    def wait(self, *, timeout: float = 30, **counts: Any) -> None:
        """Returns once so many `events` (distinct) or `requests` came. Fails the test if they do not."""
        answer = self._client.get("/_sandbox/wait", params={"timeout": timeout, **counts})
        assert answer.status_code == 200, f"the sandbox did not see {counts} within {timeout} s: {answer.text}"

    def summary(self) -> Any:
        return self._get("summary")

    def ids(self, account: str | None = None) -> dict[str, dict[str, int]]:
        """account -> id -> how often it was accepted."""
        params = {"account": account} if account else {}
        ids: dict[str, dict[str, int]] = self._get("ids", **params)["ids"]
        return ids

    def requests(self, account: str | None = None) -> list[dict[str, Any]]:
        """What came, in order."""
        params = {"account": account} if account else {}
        requests: list[dict[str, Any]] = self._get("requests", **params)["requests"]
        return requests

    def taken(self, api: str, *, records: bool = False) -> list[dict[str, Any]]:
        """What was accepted of each request, in the order of acceptance."""
        taken: list[dict[str, Any]] = self._get("taken", api=api, **({"records": "true"} if records else {}))["taken"]
        return taken

    def event(self, event_id: str) -> Any:
        """The event as it was accepted."""
        return self._get(f"events/{event_id}")["event"]

    def _get(self, path: str, **params: Any) -> Any:
        return self._client.get(f"/_sandbox/{path}", params=params).raise_for_status().json()
