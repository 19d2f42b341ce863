"""A real sandbox process, shared by the tests of a session and emptied before each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .samples import ACCOUNT, HEADERS, PATH, encode, event, payload

ROOT = Path(__file__).parents[2]


class SandboxProcess:
    """`python -m worker.sandbox` with the given arguments; `url` is what it printed."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "worker.sandbox", *arguments]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdout is not None
        self.url: str = json.loads(self.process.stdout.readline())["sandbox"]

    def stop(self) -> tuple[int, str, str]:
        """Ask it to end; its exit status and what else it wrote to standard output and standard error."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=10)
        return self.process.returncode, out, err


class Client:
    """Speaks to one sandbox as a client of the Event API and as a test that asks questions."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=20)

    def post(self, body: Any, **changes: str) -> httpx.Response:
        """POST any body, as JSON if it is not bytes; `changes` are headers with `_` for `-`."""
        content = body if isinstance(body, bytes) else encode(body)
        named = {name.replace("_", "-").title(): value for name, value in changes.items()}
        return self.http.post(PATH, content=content, headers={**HEADERS, **named})

    def send(self, *ids: str, account: str = ACCOUNT, **changes: str) -> httpx.Response:
        """Send one event for each id."""
        return self.post(payload(*map(event, ids), account=account), **changes)

    def without(self, header: str) -> httpx.Response:
        headers = {name: value for name, value in HEADERS.items() if name != header}
        return self.http.post(PATH, content=encode(payload(event())), headers=headers)

    def ask(self, question: str, **parameters: str | int) -> Any:
        """A question under `/_sandbox/`; the answer must be a success."""
        answer = self.http.get(f"/_sandbox/{question}", params=parameters)
        assert answer.is_success, answer.text
        return answer.json()

    def accepted(self) -> dict[str, int]:
        """The accepted ids of the usual account, and how often each."""
        found: dict[str, int] = self.ask("ids")["ids"].get(ACCOUNT, {})
        return found

    def rules(self, *rules: Any, seed: int = 0) -> None:
        answer = self.http.put("/_sandbox/faults", params={"seed": seed}, content=encode(rules))
        assert answer.is_success, answer.text

    def credentials(self, table: Any) -> httpx.Response:
        return self.http.put("/_sandbox/credentials", content=encode(table))


@pytest.fixture(scope="session")
def process() -> Iterator[SandboxProcess]:
    running = SandboxProcess("--port", "0")
    try:
        yield running
    finally:
        status, _, errors = running.stop()
    assert (status, errors) == (0, ""), "a request made the sandbox complain"


@pytest.fixture(scope="session")
def shared(process: SandboxProcess) -> Iterator[Client]:
    client = Client(process.url)
    with client.http:
        yield client


@pytest.fixture
def sandbox(shared: Client) -> Client:
    """The shared sandbox as it was at its start: no memory, faults, credentials, limits or tokens."""
    shared.http.post("/_sandbox/reset?settings=true")
    return shared


@pytest.fixture
async def http(sandbox: Client) -> AsyncIterator[httpx.AsyncClient]:
    """For requests that must be under way together."""
    async with httpx.AsyncClient(base_url=sandbox.url, timeout=20) as client:
        yield client
